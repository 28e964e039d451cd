/* PostgreSQL: a cluster of our own (initdb as a user that is not root), synchronous commits, and
 * one function that does what order.place does. Set-up and connections by libpq; the requests go
 * over its sockets by the same client as everywhere (wire_postgres.c). Main thread only. */
#include "bench/child.h"
#include "bench/scratch.h"
#include "bench/system.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USER  "postgres"
#define PLACE "/usr/lib/postgresql/*/bin"
#define DIALS 1024

/* The order's row is the idempotency key; it remembers refusals too. Open holds are found by their
 * expiry through a BRIN index, the cheapest one for a column that grows with time. */
static const char schema[] =
    "CREATE TABLE stock (sku text PRIMARY KEY, on_hand int NOT NULL, held int NOT NULL)"
    "  WITH (fillfactor = 70);"
    "CREATE TABLE orders (id text PRIMARY KEY, sku text NOT NULL, expires_ms bigint NOT NULL,"
    "  answer text NOT NULL);"
    "CREATE INDEX orders_expiry ON orders USING brin (expires_ms);"
    "CREATE FUNCTION hold(p_id text, p_sku text, p_expires bigint) RETURNS text"
    "  LANGUAGE plpgsql AS $$"
    "  DECLARE seen text;"
    "  BEGIN"
    "    INSERT INTO orders VALUES (p_id, p_sku, p_expires, 'OK') ON CONFLICT (id) DO NOTHING;"
    "    IF NOT FOUND THEN"
    "      SELECT answer INTO seen FROM orders WHERE id = p_id;"
    "      RETURN seen;"
    "    END IF;"
    "    UPDATE stock SET held = held + 1 WHERE sku = p_sku AND on_hand - held >= 1;"
    "    IF NOT FOUND THEN"
    "      UPDATE orders SET answer = 'SHORT' WHERE id = p_id;"
    "      RETURN 'SHORT';"
    "    END IF;"
    "    RETURN 'OK';"
    "  END $$;";

struct postgres {
    char folder[BENCH_PATH_MAX], data[BENCH_PATH_MAX], log[BENCH_PATH_MAX];
    unsigned port;
    PGconn *admin;
    PGconn *dialed[DIALS]; /* libpq owns the sockets */
    unsigned dials;
};

/* A user that is not root: the one of the package, or whoever we are. */
static const char *run_as(void)
{
    return geteuid() == 0 ? USER : NULL;
}

static PGconn *open_connection(const struct postgres *postgres, int tcp)
{
    char text[BENCH_PATH_MAX + 128];
    snprintf(text, sizeof(text),
             "host=%s port=%u dbname=postgres user=" USER " sslmode=disable gssencmode=disable "
             "connect_timeout=5",
             tcp ? "127.0.0.1" : postgres->folder, postgres->port);
    PGconn *conn = PQconnectdb(text);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    PQfinish(conn);
    return NULL;
}

static int wait_for(struct bench_system *system)
{
    struct postgres *postgres = system->state;
    for (int tries = 0; tries < 3000 && !bench_stopping(); tries++) {
        postgres->admin = open_connection(postgres, 0);
        if (postgres->admin)
            return 1;
        if (!bench_child_alive(system->pid))
            break;
        bench_sleep_ms(10);
    }
    fprintf(stderr, "stockade-bench: postgres does not answer\n");
    bench_child_show_log(postgres->log);
    return 0;
}

static int make_cluster(struct postgres *postgres)
{
    char program[BENCH_PATH_MAX];
    if (!bench_child_find(program, "initdb", PLACE))
        return 0;
    bench_scratch_file(postgres->data, "postgres/data");
    bench_scratch_file(postgres->log, "postgres.log");
    const char *argv[] = {program, "-D", postgres->data, "-U",          USER, "-A",
                          "trust", "-E", "UTF8",         "--no-locale", NULL};
    return bench_child_give(postgres->folder, USER) &&
           bench_child_run(argv, run_as(), postgres->log, 60000);
}

/* Durable as it is by default; otherwise what somebody who knows it would set here. */
static const char *const settings[] = {"fsync=on",
                                       "synchronous_commit=on",
                                       "full_page_writes=on",
                                       "wal_buffers=64MB",
                                       "checkpoint_timeout=30min",
                                       "shared_buffers=1GB",
                                       "max_wal_size=8GB",
                                       "max_connections=1100",
                                       "jit=off",
                                       "log_min_messages=error"};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static int start_server(struct bench_system *system, const char *program)
{
    struct postgres *postgres = system->state;
    char port[32], sockets[BENCH_PATH_MAX + 64], listen[64];
    const char *argv[16 + 2 * SETTINGS] = {program, "-D",    postgres->data, "-p",  port,
                                           "-c",    sockets, "-c",           listen};
    unsigned count = 9;
    postgres->port = bench_free_port();
    snprintf(port, sizeof(port), "%u", postgres->port);
    snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", postgres->folder);
    snprintf(listen, sizeof(listen), "listen_addresses=%s",
             system->options->tcp ? "127.0.0.1" : "");
    for (size_t i = 0; i < SETTINGS; i++) {
        argv[count++] = "-c";
        argv[count++] = settings[i];
    }
    system->pid = bench_child_start(argv, run_as(), postgres->log);
    return system->pid && wait_for(system);
}

static enum bench_presence start(struct bench_system *system)
{
    char program[BENCH_PATH_MAX];
    struct postgres *postgres = calloc(1, sizeof(*postgres));
    system->state = postgres;
    if (!postgres || !bench_child_find(program, "postgres", PLACE)) {
        fprintf(stderr, "postgres: PostgreSQL's server is not installed; left out\n");
        return BENCH_ABSENT;
    }
    if (!bench_scratch_folder(postgres->folder, "postgres") || !make_cluster(postgres) ||
        !start_server(system, program))
        return BENCH_BROKEN;
    snprintf(system->version, sizeof(system->version), "%.20s",
             PQparameterStatus(postgres->admin, "server_version"));
    system->version[strcspn(system->version, " ")] = 0;
    int at = snprintf(system->settings, sizeof(system->settings),
                      "prepared call of one function, a transaction each, pipelined, %s;",
                      system->options->tcp ? "loopback TCP" : "Unix socket");
    for (size_t i = 0; i < SETTINGS - 1; i++)
        at += snprintf(system->settings + at, sizeof(system->settings) - (size_t)at, " %s",
                       settings[i]);
    return BENCH_READY;
}

/* One statement; its first value as a number when wanted. */
static int run_sql(PGconn *conn, const char *sql, uint64_t *value)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok)
        fprintf(stderr, "stockade-bench: postgres: %s", PQresultErrorMessage(result));
    else if (value)
        *value = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return ok;
}

static int load(struct bench_system *system)
{
    struct postgres *postgres = system->state;
    char sql[256];
    snprintf(sql, sizeof(sql),
             "INSERT INTO stock SELECT 'SKU-' || lpad(i::text, 8, '0'), %u, 0 "
             "FROM generate_series(0, %u) i",
             bench_stock(system->options), system->options->skus - 1);
    bench_wire_postgres(&system->wire, system->options->ttl_ms);
    return run_sql(postgres->admin, schema, NULL) && run_sql(postgres->admin, sql, NULL) &&
           run_sql(postgres->admin, "VACUUM ANALYZE stock", NULL) &&
           run_sql(postgres->admin, "CHECKPOINT", NULL);
}

static int dial(struct bench_system *system)
{
    struct postgres *postgres = system->state;
    PGconn *conn = postgres->dials < DIALS ? open_connection(postgres, system->options->tcp) : NULL;
    if (!conn) {
        fprintf(stderr, "stockade-bench: cannot connect to postgres\n");
        return -1;
    }
    postgres->dialed[postgres->dials++] = conn;
    PGresult *result = PQprepare(conn, "hold", "SELECT hold($1, $2, $3)", 0, NULL);
    int ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        fprintf(stderr, "stockade-bench: postgres: %s", PQresultErrorMessage(result));
    PQclear(result);
    if (!ok)
        return -1;
    int fd = fcntl(PQsocket(conn), F_DUPFD_CLOEXEC, 3); /* the caller closes its own */
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static int check(struct bench_system *system, uint64_t held, char *why, uint32_t why_size)
{
    struct postgres *postgres = system->state;
    uint64_t sum = 0, orders = 0;
    if (!run_sql(postgres->admin, "SELECT coalesce(sum(held), 0) FROM stock", &sum) ||
        !run_sql(postgres->admin, "SELECT count(*) FROM orders WHERE answer = 'OK'", &orders)) {
        snprintf(why, why_size, "postgres no longer answers");
        return 0;
    }
    snprintf(why, why_size, "%llu units held, %llu orders", (unsigned long long)sum,
             (unsigned long long)orders);
    return sum == held && orders == held;
}

static void stop(struct bench_system *system)
{
    struct postgres *postgres = system->state;
    for (unsigned i = 0; postgres && i < postgres->dials; i++)
        PQfinish(postgres->dialed[i]);
    if (postgres && postgres->admin)
        PQfinish(postgres->admin);
    bench_child_stop(system->pid, SIGQUIT, 5000); /* at once, without a checkpoint */
    if (postgres && postgres->folder[0])
        bench_scratch_remove(postgres->folder);
    free(postgres);
    system->state = NULL;
    system->pid = 0;
}

void bench_system_postgres(struct bench_system *system, const struct bench_options *options)
{
    *system = (struct bench_system){.name = "postgres",
                                    .start = start,
                                    .load = load,
                                    .dial = dial,
                                    .check = check,
                                    .stop = stop,
                                    .options = options};
}
