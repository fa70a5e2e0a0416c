/* sms-worker: notifications as text messages. What it does with them is channel.c; poll, effect and commit
 * are patterns/fanout/fanout.c. */
#include "services/notification/worker.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct notification_worker worker = {
        .channel = NOTIFICATION_SMS,
        .name = "sms-worker",
        .summary = "sends notifications as text messages, through an SMS gateway",
        .group = KPK_GROUP_SMS_WORKERS,
        .port = "18105",
        .url_variable = "KPK_SMS_URL",
        .url = "http://127.0.0.1:18110",
        .sender = "+15550100100",
        .sender_is = "number that messages are from",
        .in_flight = "16",
    };

    return notification_worker_main(&worker, argc, argv);
}
