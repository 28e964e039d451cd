/* The test's side of control.h. */
#include "tests/crash/control.h"
#include "tests/crash/daemon.h"
#include "tests/crash/place.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct control *control_create(struct daemon *daemon)
{
    char path[PLACE_PATH];
    place_join(path, daemon->folder, "control");
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    struct control *control = MAP_FAILED;
    if (fd >= 0 && !ftruncate(fd, sizeof(*control)))
        control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    close(fd);
    control_reset(control);
    char *library = place_built("tests/crash/preload_fault.so");
    daemon_set(daemon, "LD_PRELOAD", library);
    daemon_set(daemon, CONTROL_ENV_FILE, path);
    daemon_set(daemon, CONTROL_ENV_ROOT, daemon->data);
    free(library);
    return control;
}

void control_reset(struct control *control)
{
    atomic_store(&control->fail_at, 0);
    atomic_store(&control->fired, 0);
    atomic_store(&control->calls, 0);
    atomic_store(&control->syncs_after, 0);
    atomic_store(&control->writes_after, 0);
    atomic_store(&control->clock_offset_ms, 0);
    atomic_store(&control->free_bytes, -1);
    atomic_store(&control->untold, 0);
    atomic_store(&control->refused_growths, 0);
    atomic_store(&control->alloc_fail_at, 0);
    atomic_store(&control->alloc_fired, 0);
    atomic_store(&control->allocations, 0);
    atomic_store(&control->in_use, 0);
    control->what[0] = 0;
}

void control_destroy(struct control *control)
{
    munmap(control, sizeof(*control));
}
