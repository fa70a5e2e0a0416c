/* push-worker: notifications to devices. What it does with them is channel.c; poll, effect and commit are
 * patterns/fanout/fanout.c. */
#include "services/notification/worker.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct notification_worker worker = {
        .channel = NOTIFICATION_PUSH,
        .name = "push-worker",
        .summary = "sends notifications to devices, through FCM and APNS",
        .group = KPK_GROUP_PUSH_WORKERS,
        .port = "18107",
        .url_variable = "KPK_PUSH_URL",
        .url = "http://127.0.0.1:18110",
        .sender = "kafka-pattern-kit",
        .sender_is = "the app: FCM's project, APNS' topic",
        .in_flight = "16",
    };

    return notification_worker_main(&worker, argc, argv);
}
