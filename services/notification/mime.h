/* A mail as SMTP takes it: RFC 5322 with MIME (RFC 2045, 2047), all of it ASCII, in lines far below the 998
 * characters that are allowed. Whatever is in subject and text, no header field comes of it: the text is base64,
 * and so is a subject that is not plain. */
#ifndef KPK_SERVICES_NOTIFICATION_MIME_H
#define KPK_SERVICES_NOTIFICATION_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mime_mail {
    const char *from, *to;  /* addresses that notification_address_check() passed */
    const char *message_id; /* of a-z 0-9 . - @, without the <> */
    const char *subject;    /* UTF-8; a control character in it becomes a space */
    const char *text;       /* UTF-8; lines end in \n or \r\n */
    int64_t date_ms;        /* since the epoch */
    bool urgent;
};

/* returns  the message for free(), with CRLF at the end of each line; NULL: memory is short */
char *mime_message(const struct mime_mail *mail, size_t *len);

#endif
