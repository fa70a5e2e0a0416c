#include "services/twitter/demo-twitter/demo.h"
#include "topology/topology.h"

#include <inttypes.h>
#include <stdio.h>

static double ms(int64_t us) { return (double)us / 1000; }

static void tell(const struct demo *demo, const struct arrival *one,
                 const struct arrival *more) {
    static const char *const words[PLACES] = {
        [PLACE_FIRST_TIMELINE] = "the first home timeline shows it",
        [PLACE_SEARCH] = "search finds it",
        [PLACE_MENTIONS] = "the user it mentions is to be told",
        [PLACE_TRENDING] = "its hashtag is counted",
        [PLACE_WAREHOUSE] = "the warehouse has its row",
    };
    int64_t round_us = 0;

    printf("  From its post on, in ms                                    one tweet   "
           "%d more: median    worst\n\n",
           DEMO_FOLLOWED);
    for (int place = 0; place < PLACES; place++) {
        char text[80];
        int64_t median, worst;
        snprintf(text, sizeof(text), "%s", words[place] ? words[place] : "");
        if (place == PLACE_ANSWERED)
            snprintf(text, sizeof(text), "201 Created: tweet and event are in PostgreSQL");
        if (place == PLACE_TOPIC)
            snprintf(text, sizeof(text), "topic %s [%" PRId32 "] @%" PRId64 " has it",
                     KPK_TOPIC_TWEETS, one->partition, one->offset);
        if (place == PLACE_LAST_TIMELINE)
            snprintf(text, sizeof(text), "the last of %d home timelines shows it",
                     demo->followers);
        arrivals_sum_up(more, DEMO_FOLLOWED, place, &median, &worst);
        printf("  %-56s  %10.1f  %15.1f  %7.1f\n", text, ms(one->after_us[place]), ms(median),
               ms(worst));
    }
    for (int i = 0; i < DEMO_FOLLOWED; i++)
        if (more[i].round_us > round_us) round_us = more[i].round_us;
    printf(
        "\n  One after another is asked, round and round: a time is late by a round, at worst "
        "%.1f ms.\n\n",
        ms(round_us));
}

int demo_follow_tweet(struct demo *demo, struct kpk_err *err) {
    static struct arrival one, more[DEMO_FOLLOWED];

    for (int i = 0; i < DEMO_WARM_UP; i++) /* connections are made, plans are prepared */
        if (arrivals_follow(demo->arrivals, ARRIVALS_ALL, &one, err)) return -1;
    if (arrivals_follow(demo->arrivals, ARRIVALS_ALL, &one, err)) return -1;
    for (int i = 0; i < DEMO_FOLLOWED; i++)
        if (arrivals_follow(demo->arrivals, ARRIVALS_ALL, &more[i], err)) return -1;
    tell(demo, &one, more);
    return 0;
}
