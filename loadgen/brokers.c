#include "loadgen/brokers.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

struct stat_of {
    int parent;
    double cpu_s;
};

/* proc(5): the parent is field 4, utime and stime are 14 and 15, those of its dead children the next two; the name, in
 * parentheses, may hold spaces. */
static bool read_stat(const char *pid, struct stat_of *out) {
    unsigned long user, system;
    long dead_user, dead_system;
    char path[64], line[LINE * 2], *rest;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    if (!(file = fopen(path, "r"))) return false;
    rest = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    fclose(file);
    if (!rest || sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                        &out->parent, &user, &system, &dead_user, &dead_system) != 5)
        return false;
    out->cpu_s =
        (double)(user + system + (unsigned long)dead_user + (unsigned long)dead_system) /
        (double)sysconf(_SC_CLK_TCK);
    return true;
}

static double cpu_of(pid_t pid) {
    struct stat_of found;
    char name[24];

    snprintf(name, sizeof(name), "%d", (int)pid);
    return read_stat(name, &found) ? found.cpu_s : -1;
}

double load_port_cpu_s(int port) {
    pid_t pid = listener(port);
    double sum = pid ? cpu_of(pid) : -1;
    DIR *proc = sum >= 0 ? opendir("/proc") : NULL;

    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        struct stat_of found;
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            read_stat(entry->d_name, &found) && found.parent == pid)
            sum += found.cpu_s;
    }
    if (proc) closedir(proc);
    return sum;
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

/* Calls 'look' for each folder of the broker's data: it has a lock file open in each. */
static void each_folder(pid_t pid, void (*look)(const char *folder, void *arg), void *arg) {
    char path[LINE], link[LINE], *name;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    if (!(dir = opendir(path))) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        ssize_t len;
        snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)pid, entry->d_name);
        len = readlink(path, link, sizeof(link) - 1);
        if (len <= 0) continue;
        link[len] = '\0';
        name = strrchr(link, '/');
        if (!name || strcmp(name, "/.lock") != 0) continue;
        *name = '\0';
        look(link, arg);
    }
    closedir(dir);
}

static void least_room(const char *folder, void *arg) {
    struct statvfs disk;
    double *least = arg, room;

    if (statvfs(folder, &disk)) return;
    room = (double)disk.f_bavail * (double)disk.f_frsize;
    if (*least < 0 || room < *least) *least = room;
}

double load_brokers_room(rd_kafka_t *rk) {
    pid_t pids[BROKERS_MOST];
    int count = find(rk, pids);
    double least = -1;

    for (int i = 0; i < count; i++) each_folder(pids[i], least_room, &least);
    return least;
}

struct weighed {
    const char *topic;
    double bytes;
};

/* Segments alone: an index is made at its full size, and cut when it is full. */
static void weigh_partition(const char *folder, struct weighed *weighed) {
    char path[LINE * 4];
    struct stat file;
    DIR *dir = opendir(folder);

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        const char *end = strrchr(entry->d_name, '.');
        if (!end || strcmp(end, ".log") != 0) continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (!stat(path, &file)) weighed->bytes += (double)file.st_size;
    }
    if (dir) closedir(dir);
}

static void weigh(const char *folder, void *arg) {
    struct weighed *weighed = arg;
    size_t len = strlen(weighed->topic);
    char path[LINE * 2];
    DIR *dir = opendir(folder);

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        const char *rest = entry->d_name + len; /* "-17" */
        if (strncmp(entry->d_name, weighed->topic, len) != 0 || *rest != '-' ||
            strspn(rest + 1, "0123456789") != strlen(rest + 1))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        weigh_partition(path, weighed);
    }
    if (dir) closedir(dir);
}

double load_brokers_disk(rd_kafka_t *rk, const char *topic) {
    struct weighed weighed = {topic, 0};
    pid_t pids[BROKERS_MOST];
    int count = find(rk, pids);

    for (int i = 0; i < count; i++) each_folder(pids[i], weigh, &weighed);
    return count > 0 ? weighed.bytes : -1;
}
