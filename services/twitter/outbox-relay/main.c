/* outbox-relay: publishes Twitter's outbox (patterns/outbox/relay.c). */
#include "patterns/outbox/program.h"
#include "services/twitter/database.h"
#include "services/twitter/events.h"

int main(int argc, char **argv) {
    static const struct kpk_relay_program program = {
        .name = "outbox-relay",
        .lease = "twitter-outbox-relay",
        .summary = "publishes the rows of Twitter's outbox to Kafka",
        .source = TWITTER_SOURCE,
        .port = "18082",
        .schema = twitter_schema,
        .open = twitter_database_open,
        .check = twitter_database_check,
    };

    return kpk_relay_main(&program, argc, argv);
}
