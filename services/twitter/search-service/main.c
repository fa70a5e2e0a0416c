/* search-service: full-text search over HTTP. It writes nothing. */
#include "common/embed.h"
#include "services/twitter/database.h"
#include "services/twitter/search-service/service.h"

KPK_EMBED(openapi, "services/twitter/search-service/openapi.json");

static const struct kpk_route routes[] = {{"GET", "/v1/search", get_search, 0}, {0}};

static int check_index(struct kpk_pg *pg, struct kpk_err *err) {
    static const struct kpk_pg_stmt look = {"check", "SELECT FROM search_index LIMIT 1"};

    return kpk_pg_run(pg, &look, NULL, 0, err);
}

int main(int argc, char **argv) {
    static const struct read_service service = {
        .name = "search-service",
        .summary = "full-text search over HTTP",
        .port = "18086",
        .workers = "8",
        .routes = routes,
        .openapi = openapi,
        .openapi_end = openapi_end,
        .open_pg = twitter_database_open,
        .check_pg = check_index,
    };

    return read_service_main(&service, argc, argv);
}
