// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal: see journal.h for what it promises. Where the file cannot grow, the daemon goes on
 * without one and removes it, since an old state is worse than none; until it can be written anew.
 *
 * Three situations. As a rule `file` is the journal. During a rewrite (journal_rewrite_begin() to
 * journal_rewrite_end(), while nothing else is done) records go to journal.new, which is `file`,
 * while the journal in force is `old`, untouched: a daemon that is killed then finds the old one,
 * and the next rewrite truncates what it left of the new one. With `lost` set there is no journal:
 * what is done from then on is nowhere but in memory, until a rewrite succeeds. A failure in `file`
 * while it is rewritten costs the new one only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../clock.h"
#include "journal.h"
#include "log.h"

#define MAGIC   "LdgXenS1"
#define INITIAL (256u << 10)
#define PAGE    4096u
#define TOLD_MS \
    60000 /* the log hears of a lack of room once in so long: guests may bring it about */

/* At the start of the file. Written by create(); after that only `committed` changes. */
struct header {
    char magic[8];      /* MAGIC */
    char boot[40];      /* the kernel's boot id as text, filled up with zeroes */
    uint64_t committed; /* bytes of the file, header included, that are valid */
};

struct record {
    uint32_t len; /* of what follows */
    uint8_t type;
    uint8_t pad[3];
};

/* An open journal has both fd and mem; a closed one fd -1, and nothing else. */
struct file {
    int fd;
    unsigned char *mem; /* the whole file, shared; moves when it grows */
    size_t cap;         /* bytes of the file, and of the mapping; all are allocated */
    size_t end;         /* where the next byte goes: at or behind header.committed */
};

static char journal_dir[3072];
/* Where records go; and, during a rewrite, the one that is still in force. */
static struct file file = {.fd = -1}, old = {.fd = -1};
static size_t record_at; /* offset of the record that has been begun */
static bool rewriting;   /* `file` is to become the journal; `old` is, unless it was lost */
static bool lost;        /* there is no journal, although there should be one */

static void name_of(char name[4096], const char *which)
{
    snprintf(name, 4096, "%s/%s", journal_dir, which);
}

/* False, and zeroes, where it cannot be read: then nobody knows which boot a file is of. */
static bool boot_id(char id[40])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    bool known;

    memset(id, 0, 40);
    if (fd < 0)
        return false;
    known = read(fd, id, 36) == 36;
    if (!known)
        memset(id, 0, 40);
    close(fd);
    return known;
}

static void close_file(struct file *f)
{
    if (f->mem)
        munmap(f->mem, f->cap);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct file){.fd = -1};
}

/* Gives up the file that is being written. If it was to replace an old one, that stays. */
static void give_up(const char *what, int error)
{
    static int64_t told;
    enum log_level level = told && now_ms() - told < TOLD_MS ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR;
    char name[4096];

    close_file(&file);
    name_of(name, rewriting ? "journal.new" : "journal");
    unlink(name);
    lost |= !rewriting;
    if (level == LOG_LEVEL_ERROR)
        told = now_ms();
    log_write(level, "%s in %s: %s; %s", what, journal_dir, strerror(error),
              lost ? "going on without saving until there is room: a restart before that loses the "
                     "guests' state"
                   : "the old one goes on");
}

/*
 * Makes room for `more` bytes behind the end. Blocks are allocated here, so that a full file
 * system is an error of this call and not a SIGBUS at a store into the mapping.
 */
static bool reserve(size_t more)
{
    size_t want = file.end + more, cap = (want + want / 4 + PAGE - 1) & ~(size_t)(PAGE - 1);
    void *mem;
    int rc;

    if (file.fd < 0)
        return false;
    if (want <= file.cap)
        return true;
    rc = posix_fallocate(file.fd, (off_t)file.cap, (off_t)(cap - file.cap));
    if (rc) {
        give_up("no room for the journal", rc);
        return false;
    }
    mem = mremap(file.mem, file.cap, cap, MREMAP_MAYMOVE);
    if (mem == MAP_FAILED) {
        give_up("cannot map the journal", errno);
        return false;
    }
    file.mem = mem;
    file.cap = cap;
    return true;
}

/* 0, or an error's number, with the file in whatever state: give_up() clears up. */
static int create(const char *which)
{
    char name[4096];
    struct header *h;
    int rc;

    name_of(name, which);
    file.fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file.fd < 0)
        return errno;
    rc = posix_fallocate(file.fd, 0, INITIAL);
    if (rc)
        return rc;
    file.mem = mmap(NULL, INITIAL, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
    if (file.mem == MAP_FAILED) {
        file.mem = NULL;
        return errno;
    }
    file.cap = INITIAL;
    file.end = sizeof(struct header);
    h = (struct header *)file.mem;
    memcpy(h->magic, MAGIC, sizeof(h->magic));
    boot_id(h->boot);
    h->committed = file.end;
    return 0;
}

/* Maps an existing journal of this boot; anything else counts as none. */
static bool load(void)
{
    char name[4096], boot[40];
    const struct header *h;
    struct stat st;

    name_of(name, "journal");
    file.fd = open(name, O_RDWR | O_CLOEXEC);
    if (file.fd < 0)
        return false;
    if (fstat(file.fd, &st) || (size_t)st.st_size < sizeof(*h))
        goto unusable;
    file.cap = (size_t)st.st_size;
    file.mem = mmap(NULL, file.cap, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
    if (file.mem == MAP_FAILED) {
        file.mem = NULL;
        goto unusable;
    }
    h = (const struct header *)file.mem;
    if (!boot_id(boot) || memcmp(h->magic, MAGIC, sizeof(h->magic)) ||
        memcmp(h->boot, boot, sizeof(boot)) || h->committed > file.cap || h->committed < sizeof(*h))
        goto unusable;
    file.end = h->committed; /* the next record overwrites what was not committed */
    return true;

unusable:
    log_info("%s is of another boot or damaged; starting with an empty store", name);
    close_file(&file);
    return false;
}

int journal_open(const char *dir, journal_fn fn)
{
    size_t at = sizeof(struct header);
    int rc;

    if (!dir)
        return 0;
    if (strlen(dir) >= sizeof(journal_dir))
        return -ENAMETOOLONG;
    strcpy(journal_dir, dir);
    if (!load()) {
        rc = create("journal");
        if (rc != ENOSPC && rc != EDQUOT)
            return -rc;
        give_up("no room for the journal", rc); /* better a store that forgets than none */
        return 0;
    }
    while (at + sizeof(struct record) <= file.end) {
        struct record r;

        memcpy(&r, file.mem + at, sizeof(r));
        at += sizeof(r);
        if (r.len > file.end - at)
            break;
        fn(r.type, file.mem + at, r.len);
        at += r.len;
    }
    return 0;
}

bool journal_is_open(void)
{
    return file.fd >= 0;
}

bool journal_is_lost(void)
{
    return lost;
}

void journal_begin(uint8_t type)
{
    struct record r = {.type = type};

    if (!reserve(sizeof(r)))
        return;
    record_at = file.end;
    memcpy(file.mem + file.end, &r, sizeof(r));
    file.end += sizeof(r);
}

static void put(const void *data, size_t len)
{
    if (!reserve(len))
        return;
    if (len)
        memcpy(file.mem + file.end, data, len);
    file.end += len;
}

void journal_u32(uint32_t v)
{
    put(&v, sizeof(v));
}

void journal_u64(uint64_t v)
{
    put(&v, sizeof(v));
}

void journal_bytes(const void *data, size_t len)
{
    journal_u32((uint32_t)len);
    put(data, len);
}

void journal_end(void)
{
    uint32_t len;

    if (file.fd < 0)
        return;
    len = (uint32_t)(file.end - record_at - sizeof(struct record));
    memcpy(file.mem + record_at + offsetof(struct record, len), &len, sizeof(len));
}

bool journal_dirty(void)
{
    return file.fd >= 0 && ((struct header *)file.mem)->committed != file.end;
}

void journal_commit(void)
{
    if (file.fd < 0)
        return;
    /*
     * The reader is a later process, after this one was killed between two instructions: it sees
     * the stores in program order, so only the compiler has to be kept from moving them.
     */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&((struct header *)file.mem)->committed, file.end, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

size_t journal_size(void)
{
    return file.fd < 0 ? 0 : file.end;
}

void journal_rewrite_begin(void)
{
    int rc;

    old = file;
    file = (struct file){.fd = -1};
    rewriting = true;
    rc = create("journal.new");
    if (rc)
        give_up("cannot write the journal anew", rc);
}

bool journal_rewrite_end(void)
{
    char from[4096], to[4096];
    bool done;

    if (file.fd >= 0) {
        journal_commit();
        name_of(from, "journal.new");
        name_of(to, "journal");
        if (rename(from, to))
            give_up("cannot replace the journal", errno);
    }
    rewriting = false;
    done = file.fd >= 0;
    if (!done) {
        file = old;
        old = (struct file){.fd = -1};
        return false;
    }
    close_file(&old);
    if (lost)
        log_write(LOG_LEVEL_DEBUG, "there is room again in %s: saving goes on", journal_dir);
    lost = false;
    return true;
}
