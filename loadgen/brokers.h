/* Server processes, as far as they run on this machine: found by who listens where they say they do. */
#ifndef KPK_LOADGEN_BROKERS_H
#define KPK_LOADGEN_BROKERS_H

#include <librdkafka/rdkafka.h>

/* CPU seconds that all brokers have used so far. returns  -1: not all of them run here, or may not be looked at */
double load_brokers_cpu_s(rd_kafka_t *rk);

/* Bytes that are free where they keep their data; the least of them. returns  -1: not known */
double load_brokers_room(rd_kafka_t *rk);

/* Bytes that the segments of 'topic' have there, of all replicas. returns  -1: not known */
double load_brokers_disk(rd_kafka_t *rk, const char *topic);

/* CPU seconds of whoever listens on 'port', and of its children (PostgreSQL's backends). returns  -1: not known */
double load_port_cpu_s(int port);

#endif
