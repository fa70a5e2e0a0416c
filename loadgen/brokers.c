#include "loadgen/brokers.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BROKERS_MOST = 16, ASK_MS = 5000, LINE = 512 };

/* --- who listens on a port --------------------------------------------------------------- */

/* A line of /proc/net/tcp: local address and port in hexadecimal, state 0A is LISTEN.
 * returns  the socket's inode, or 0 */
static unsigned long listener_in(const char *table, int port) {
    FILE *file = fopen(table, "r");
    unsigned long inode = 0, candidate;
    char line[LINE], address[64];
    unsigned local, state;

    if (!file) return 0;
    while (!inode && fgets(line, sizeof(line), file))
        if (sscanf(line, " %*d: %63[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu",
                   address, &local, &state, &candidate) == 4 &&
            local == (unsigned)port && state == 0x0a)
            inode = candidate;
    fclose(file);
    return inode;
}

static bool has_socket(const char *pid, unsigned long inode) {
    char path[LINE], link[LINE], wanted[64];
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    if (!(dir = opendir(path))) return false;
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        ssize_t len;
        snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        len = readlink(path, link, sizeof(link) - 1);
        if (len <= 0) continue;
        link[len] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    closedir(dir);
    return found;
}

/* returns  its process id, or 0 */
static pid_t listener(int port) {
    unsigned long inode = listener_in("/proc/net/tcp", port);
    pid_t pid = 0;
    DIR *proc;

    if (!inode) inode = listener_in("/proc/net/tcp6", port);
    if (!inode || !(proc = opendir("/proc"))) return 0;
    for (struct dirent *entry; !pid && (entry = readdir(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            has_socket(entry->d_name, inode))
            pid = atoi(entry->d_name);
    closedir(proc);
    return pid;
}

static bool is_local(const char *host) {
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

/* returns  how many processes, or -1: not all of them are here */
static int find(rd_kafka_t *rk, pid_t pids[BROKERS_MOST]) {
    const struct rd_kafka_metadata *metadata;
    int count = 0;

    if (rd_kafka_metadata(rk, 0, NULL, &metadata, ASK_MS)) return -1;
    for (int i = 0; i < metadata->broker_cnt && count >= 0; i++) {
        const struct rd_kafka_metadata_broker *broker = &metadata->brokers[i];
        pid_t pid = is_local(broker->host) ? listener(broker->port) : 0;
        if (pid == 0 || count == BROKERS_MOST)
            count = -1;
        else
            pids[count++] = pid;
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* --- what they use ----------------------------------------------------------------------- */

/* proc(5): utime and stime are fields 14 and 15; the name, in parentheses, may hold spaces. */
static double cpu_of(pid_t pid) {
    unsigned long user, system;
    char path[64], line[LINE * 2], *rest;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (!(file = fopen(path, "r"))) return -1;
    rest = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    fclose(file);
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                        &system) != 2)
        return -1;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double load_brokers_cpu_s(rd_kafka_t *rk) {
    pid_t pids[BROKERS_MOST];
    int count = find(rk, pids);
    double sum = 0;

    for (int i = 0; i < count; i++) {
        double cpu = cpu_of(pids[i]);
        if (cpu < 0) return -1;
        sum += cpu;
    }
    return count > 0 ? sum : -1;
}

/* A broker has a lock file open in each folder of its data. */
static double room_of(pid_t pid) {
    char path[LINE], link[LINE], *name;
    struct statvfs disk;
    double room = -1;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    if (!(dir = opendir(path))) return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        ssize_t len;
        snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)pid, entry->d_name);
        len = readlink(path, link, sizeof(link) - 1);
        if (len <= 0) continue;
        link[len] = '\0';
        name = strrchr(link, '/');
        if (!name || strcmp(name, "/.lock") != 0) continue;
        *name = '\0';
        if (!statvfs(link, &disk)) room = (double)disk.f_bavail * (double)disk.f_frsize;
    }
    closedir(dir);
    return room;
}

double load_brokers_room(rd_kafka_t *rk) {
    pid_t pids[BROKERS_MOST];
    int count = find(rk, pids);
    double least = -1;

    for (int i = 0; i < count; i++) {
        double room = room_of(pids[i]);
        if (room >= 0 && (least < 0 || room < least)) least = room;
    }
    return least;
}
