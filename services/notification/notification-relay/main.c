/* notification-relay: publishes the notification system's outbox (patterns/outbox/relay.c). */
#include "patterns/outbox/program.h"
#include "services/notification/database.h"
#include "services/notification/request.h"

int main(int argc, char **argv) {
    static const struct kpk_relay_program program = {
        .name = "notification-relay",
        .lease = "notification-relay",
        .summary = "publishes the rows of the notification system's outbox to Kafka",
        .source = NOTIFICATION_SOURCE,
        .port = "18101",
        .schema = notification_schema,
        .open = notification_database_open,
        .check = notification_database_check,
    };

    return kpk_relay_main(&program, argc, argv);
}
