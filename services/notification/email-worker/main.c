/* email-worker: notifications by mail. What it does with them is channel.c; poll, effect and commit are
 * patterns/fanout/fanout.c. */
#include "services/notification/worker.h"
#include "topology/topology.h"

int main(int argc, char **argv) {
    static const struct notification_worker worker = {
        .channel = NOTIFICATION_EMAIL,
        .name = "email-worker",
        .summary = "sends notifications by mail, over SMTP",
        .group = KPK_GROUP_EMAIL_WORKERS,
        .port = "18103",
        .url_variable = "KPK_SMTP_URL",
        .url = "smtp://127.0.0.1:18112",
        .sender = "notifications@kafka-pattern-kit.example",
        .sender_is = "address that mails are from",
        .in_flight = "8",
    };

    return notification_worker_main(&worker, argc, argv);
}
