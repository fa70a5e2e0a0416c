/* trending-service: which hashtags are used most, over HTTP. It writes nothing. */
#include "common/embed.h"
#include "services/twitter/trending-service/service.h"
#include "services/twitter/trending.h"

KPK_EMBED(openapi, "services/twitter/trending-service/openapi.json");

static const struct kpk_route routes[] = {
    {"GET", "/v1/trending", get_trending, 0},
    {"GET", "/v1/trending/{tag}", get_tag, 0},
    {0},
};

int main(int argc, char **argv) {
    static const struct read_service service = {
        .name = "trending-service",
        .summary = "trending hashtags over HTTP",
        .port = "18095",
        .workers = "4",
        .routes = routes,
        .openapi = openapi,
        .openapi_end = openapi_end,
        .init = hashtags_init,
        .open_pg = trending_open,
        .check_pg = trending_check,
    };

    return read_service_main(&service, argc, argv);
}
