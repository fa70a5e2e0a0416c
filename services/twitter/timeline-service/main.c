/* timeline-service: the read side of Twitter over HTTP. It writes nothing. */
#include "common/embed.h"
#include "services/twitter/database.h"
#include "services/twitter/timeline-service/service.h"

KPK_EMBED(openapi, "services/twitter/timeline-service/openapi.json");

static const struct kpk_route routes[] = {
    {"GET", "/v1/users/{id}/home_timeline", get_home, 0},
    {"GET", "/v1/users/{id}/tweets", get_user_tweets, 0},
    {0},
};

int main(int argc, char **argv) {
    static const struct read_service service = {
        .name = "timeline-service",
        .summary = "home and user timelines over HTTP",
        .port = "18081",
        .workers = "16",
        .routes = routes,
        .openapi = openapi,
        .openapi_end = openapi_end,
        .open_pg = twitter_database_open,
        .check_pg = twitter_database_check,
        .uses_redis = true,
    };

    return read_service_main(&service, argc, argv);
}
