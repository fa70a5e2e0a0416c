/* UUIDs (RFC 9562), in their text form. Version 7 for what is new: 48 bits of milliseconds, then a
 * counter and random bits, so that ids sort by the time they were made, as text too. Version 5 for
 * what is derived: the same name makes the same id, whoever makes it and however often. */
#ifndef KPK_COMMON_UUID_H
#define KPK_COMMON_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { KPK_UUID_BYTES = 37 }; /* 36 characters and the end */

/* A new id, larger than every id this process made before, even when the clock steps back.
 * Any thread. */
void kpk_uuid7(char out[KPK_UUID_BYTES]);

/* The id of 'name' within 'space', a valid UUID: RFC 9562 lists some (DNS, URL), and any id can be
 * one. Any thread. */
void kpk_uuid5(const char *space, const char *name, char out[KPK_UUID_BYTES]);

/* Is 'text' a UUID in its canonical lower-case form? */
bool kpk_uuid_valid(const char *text);

/* The milliseconds since the epoch in a valid UUIDv7. */
int64_t kpk_uuid7_ms(const char *uuid);

#endif
