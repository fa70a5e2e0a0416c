/* Put a file of the source tree into the program: a schema, an OpenAPI document.
 *
 *   KPK_EMBED(openapi, "services/twitter/tweet-service/openapi.json");
 *   -> extern const char openapi[], openapi_end[];   NUL-terminated; the length is end - start
 *
 * Paths are relative to the top of the tree. The Makefile rebuilds an object when a .sql or .json
 * file beside its source changes. */
#ifndef KPK_COMMON_EMBED_H
#define KPK_COMMON_EMBED_H

#define KPK_EMBED(name, path)                                                                  \
    __asm__(".pushsection .rodata\n"                                                           \
            ".globl " #name ", " #name "_end\n" #name ": .incbin \"" path "\"\n" #name         \
            "_end: .byte 0\n"                                                                  \
            ".popsection\n");                                                                  \
    extern const char name[], name##_end[]

#endif
