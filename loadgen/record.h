/* What a load's record looks like, so that a person can read it (kcat, kpk tail) and a receiver need
 * not parse it: JSON whose fields have a fixed width.
 *
 *   {"run":"k3x9p2","stream":"0000012345","seq":"0000000017","us":"1764000000000000","text":"..."}
 *
 * run     of this run, so that what another one left is known as invented
 * stream  the key's number; order holds within it
 * seq     of the stream, from 0 on without a gap
 * us      when it was meant to be sent, microseconds since 1970                            */
#ifndef KPK_LOADGEN_RECORD_H
#define KPK_LOADGEN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_RUN_BYTES = 7, LOAD_VALUE_LEAST = 92, LOAD_VALUE_MOST = 900 * 1024 };

/* Fill 'value' once with what stays; 'bytes' from LOAD_VALUE_LEAST on.
 * variant  of its text: records that all said the same would be compressed as no others are */
void load_record_template(char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                          uint32_t variant);

/* The same words alone: 'bytes' with the NUL at the end. */
void load_record_words(char *out, size_t bytes, uint32_t variant);

/* The rest, in a value that holds the template. */
void load_record_set(char *value, uint32_t stream, uint32_t seq, int64_t us);

/* returns  false: not a record of 'run' */
bool load_record_get(const char *value, size_t bytes, const char run[LOAD_RUN_BYTES],
                     uint32_t *stream, uint32_t *seq, int64_t *us);

#endif
