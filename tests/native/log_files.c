/* To be preloaded: writes a line to the file that FILES_LOG names for each call that makes a file lasting.
 *
 * "write INODE", "sync INODE", "folder NAME" (synced), "rename INODE FROM TO", "link INODE - NAME", "unlink
 * NAME". What gets a name is linked into the folder FILES_KEPT too, by its inode, which so is not used again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *format, ...) {
    char text[9000];
    const char *path = getenv("FILES_LOG");
    va_list rest;
    if (!path) return;
    va_start(rest, format);
    int n = vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0 || REAL(write)(fd, text, (size_t)n) != n) abort();
    close(fd);
}

static unsigned long inode_of(int fd, const char *path) {
    struct stat s;
    if (path ? stat(path, &s) : fstat(fd, &s)) return 0;
    return (unsigned long)s.st_ino;
}

static void keep(unsigned long inode, const char *path) {
    char kept[5000];
    const char *folder = getenv("FILES_KEPT");
    if (!folder) return;
    snprintf(kept, sizeof kept, "%s/%lu", folder, inode);
    REAL(link)(path, kept); /* it may be there already */
}

static void named(const char *what, unsigned long inode, const char *from, const char *to) {
    keep(inode, to);
    note("%s %lu %s %s\n", what, inode, from, to);
}

ssize_t write(int fd, const void *from, size_t size) {
    struct stat s;
    if (!fstat(fd, &s) && S_ISREG(s.st_mode)) note("write %lu\n", (unsigned long)s.st_ino);
    return REAL(write)(fd, from, size);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t offset) {
    note("write %lu\n", inode_of(fd, NULL));
    return REAL(pwrite)(fd, from, size, offset);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off_t offset) {
    return pwrite(fd, from, size, offset);
}

int fsync(int fd) {
    struct stat s;
    char open_name[64], path[5000];
    int rc = REAL(fsync)(fd);
    if (rc || fstat(fd, &s)) return rc;
    if (!S_ISDIR(s.st_mode)) {
        note("sync %lu\n", (unsigned long)s.st_ino);
        return rc;
    }
    snprintf(open_name, sizeof open_name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(open_name, path, sizeof path - 1);
    if (n > 0) note("folder %.*s\n", (int)n, path);
    return rc;
}

int rename(const char *from, const char *to) {
    unsigned long inode = inode_of(-1, from);
    int rc = REAL(rename)(from, to);
    if (!rc) named("rename", inode, from, to);
    return rc;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
    unsigned long inode = inode_of(-1, from);
    int rc = REAL(renameat)(from_fd, from, to_fd, to);
    if (!rc) named("rename", inode, from, to);
    return rc;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    int rc = REAL(linkat)(from_fd, from, to_fd, to, flags);
    if (!rc) named("link", inode_of(-1, to), "-", to);
    return rc;
}

int link(const char *from, const char *to) {
    int rc = REAL(link)(from, to);
    if (!rc) named("link", inode_of(-1, to), "-", to);
    return rc;
}

int unlink(const char *path) {
    int rc = REAL(unlink)(path);
    if (!rc) note("unlink %s\n", path);
    return rc;
}
