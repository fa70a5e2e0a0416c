/* What the topic commands share. */
#ifndef KPK_TOOLS_TOPICS_H
#define KPK_TOOLS_TOPICS_H

#include "topology/topology.h"

/* Who reads 'topic': "fanout-workers 10, search-indexer 5", or "-".
 * consumers  the count to print: kpk_scaled_consumers(), or the guide's
 * returns    'out' */
enum { KPK_READERS_BYTES = 512 };
const char *kpk_topic_readers(const struct kpk_topic *topic,
                              int (*consumers)(const struct kpk_group *), char *out);

/* Print docs/TOPICS.md. returns an exit code */
int kpk_topics_markdown(struct kpk_err *err);

#endif
