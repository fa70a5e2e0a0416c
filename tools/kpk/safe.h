/* Bytes of strangers on a terminal. A record may hold anything: an escape sequence that clears
 * the screen or sets the title, a character that turns the reading direction, half a character.
 * What is printed here is text and nothing else:
 *
 *   printable UTF-8              as it is, a backslash too: JSON stays as it was written
 *   a byte of no character, and
 *   control characters           \x1b
 *   characters that are not seen
 *   or move others (C1, bidi,
 *   zero width, line separators) \u{202e}
 *
 * Neither escape exists in JSON, so within a JSON value they cannot be mistaken for its own;
 * anywhere else --json tells what the bytes are. The terminal is taken to speak UTF-8. */
#ifndef KPK_TOOLS_SAFE_H
#define KPK_TOOLS_SAFE_H

#include <stddef.h>
#include <stdio.h>

/* Print the first 'max' of 'len' bytes (0: all), never a part of a character; when something is
 * left out, how many bytes there are: "abc... (1048576 bytes)". */
void kpk_safe_print(FILE *out, const void *bytes, size_t len, size_t max);

/* The same as a string for free(). NULL: memory is short */
char *kpk_safe_text(const void *bytes, size_t len, size_t max);

/* Print a JSON text, in which such characters can only stand within strings, with each of them
 * as \uXXXX: the same document, harmless on a terminal. */
void kpk_safe_print_json(FILE *out, const char *json);

/* RFC 4648, with padding. returns a string for free(), or NULL: memory is short */
char *kpk_base64(const void *bytes, size_t len);

#endif
