/* SPDX-License-Identifier: MIT */
/* Who owns a path: stale and live sockets, foreign servers, two starters at once. */
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "net_test.h"

static struct url at(const char *name)
{
	return path_url(URL_UNIX_LISTEN, in_scratch(name));
}

/* A bound socket, listening if backlog >= 0. */
static int foreign(const char *path, int type, int backlog)
{
	struct addr a;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_int_equal(wyi_addr_unix(&a, path), 0);
	assert_int_equal(bind(fd, &a.sa, a.len), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void assert_answers(const char *path)
{
	struct url dial = path_url(URL_UNIX, path);
	struct addr a;
	int fd;

	assert_int_equal(wyi_addr_unix(&a, path), 0);
	assert_int_equal(wyi_net_dial(&dial, &a, &fd), 0);
	assert_int_equal(wyi_net_dialled(fd), 0);
	close(fd);
}

static void unix__free_path__listens_and_cleans_up(void **state)
{
	struct url url = at("free");
	struct net_listen l;
	struct stat st;
	char lock[160];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", url.path);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(l.n, 1);
	assert_false(wyi_net_is_public(&l));
	assert_answers(url.path);
	assert_int_equal(lstat(lock, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	wyi_net_unlisten(&l, &url);
	wyi_net_unlisten(&l, &url);
	assert_false(exists(url.path));
	assert_false(exists(lock));
}

static void unix__umask_0__mode_is_0600_still(void **state)
{
	struct url url = at("mode");
	struct net_listen l;
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	umask(old);
	assert_int_equal(lstat(url.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	wyi_net_unlisten(&l, &url);
}

static void unix__stale_socket_and_lock__taken_over(void **state)
{
	struct url url = at("stale");
	struct net_listen l;
	char lock[160];
	int fd;

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", url.path);
	close(foreign(url.path, SOCK_STREAM, 1));
	fd = open(lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "1234567890\n", 11), 11);
	close(fd);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_answers(url.path);
	wyi_net_unlisten(&l, &url);
}

static void unix__live_owner__eowned_with_its_pid(void **state)
{
	struct url url = at("live");
	struct net_listen l, m;
	struct wye_error e = {0};
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "process %ld;", (long)getpid());
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(wyi_net_listen(&url, &m, &e), WYE_EOWNED);
	assert_contains(e.text, pid);
	assert_contains(e.text, url.path);
	assert_answers(url.path);
	wyi_net_unlisten(&l, &url);
}

static void unix__foreign_live_server__eowned_and_left_alone(void **state)
{
	struct url url = at("foreign");
	struct net_listen m;
	struct wye_error e = {0};
	char pid[32], lock[160];
	int fd = foreign(url.path, SOCK_STREAM, 8);

	(void)state;
	snprintf(pid, sizeof(pid), "process %ld;", (long)getpid());
	snprintf(lock, sizeof(lock), "%s.lock", url.path);
	assert_int_equal(wyi_net_listen(&url, &m, &e), WYE_EOWNED);
	assert_contains(e.text, pid);
	assert_answers(url.path);
	assert_false(exists(lock));
	close(fd);
}

/* A full backlog answers EAGAIN, another type EPROTOTYPE: both are alive. */
static void unix__foreign_server_busy_or_of_another_type__eowned(void **state)
{
	struct url url = at("busy"), dgram = at("dgram"), dial = path_url(URL_UNIX, url.path);
	struct net_listen m;
	struct addr a;
	int fd = foreign(url.path, SOCK_STREAM, 0), other = foreign(dgram.path, SOCK_DGRAM, -1);
	int waiting[8], n = 0;

	(void)state;
	assert_int_equal(wyi_addr_unix(&a, url.path), 0);
	while (wyi_net_dial(&dial, &a, &waiting[n]) == 0)
		assert_true(++n < 8);
	assert_int_equal(wyi_net_dial(&dial, &a, &waiting[n]), -EAGAIN);
	assert_int_equal(wyi_net_listen(&url, &m, NULL), WYE_EOWNED);
	assert_int_equal(wyi_net_listen(&dgram, &m, NULL), WYE_EOWNED);
	assert_true(exists(url.path) && exists(dgram.path));
	while (n > 0)
		close(waiting[--n]);
	close(fd);
	close(other);
}

static void check_no_socket(const char *name)
{
	struct url url = at(name);
	struct net_listen m;
	struct wye_error e = {0};
	struct stat before, after;
	char lock[160];

	snprintf(lock, sizeof(lock), "%s.lock", url.path);
	assert_int_equal(lstat(url.path, &before), 0);
	assert_int_equal(wyi_net_listen(&url, &m, &e), -EEXIST);
	assert_contains(e.text, "no socket");
	assert_int_equal(lstat(url.path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_false(exists(lock));
}

static void unix__path_is_no_socket__error_and_left_alone(void **state)
{
	(void)state;
	close(open(in_scratch("plain"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	check_no_socket("plain");
	assert_int_equal(mkdir(in_scratch("folder"), 0755), 0);
	check_no_socket("folder");
	assert_int_equal(symlink("nowhere", in_scratch("link")), 0);
	check_no_socket("link");
	assert_false(exists(in_scratch("nowhere")));
}

static void unix__lock_file_is_a_link_or_a_pipe__error(void **state)
{
	struct url url = at("odd");
	struct net_listen m;
	struct wye_error e = {0};

	(void)state;
	assert_int_equal(symlink("victim", in_scratch("odd.lock")), 0);
	assert_int_equal(wyi_net_listen(&url, &m, &e), -ELOOP);
	assert_contains(e.text, "symbolic link");
	assert_false(exists(in_scratch("victim")));
	assert_int_equal(unlink(in_scratch("odd.lock")), 0);
	assert_int_equal(mkfifo(in_scratch("odd.lock"), 0600), 0);
	assert_int_equal(wyi_net_listen(&url, &m, &e), -EEXIST);
	assert_contains(e.text, "no plain file");
}

static void unix__no_directory__clear_text(void **state)
{
	struct url url = at("missing/s");
	struct net_listen m;
	struct wye_error e = {0};

	(void)state;
	assert_int_equal(wyi_net_listen(&url, &m, &e), -ENOENT);
	assert_contains(e.text, "directory does not exist");
	close(open(in_scratch("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	url = at("file/s");
	assert_int_equal(wyi_net_listen(&url, &m, &e), -ENOTDIR);
	assert_contains(e.text, "no directory");
}

static void unix__path_of_107_bytes__fits(void **state)
{
	struct url url = at("long");
	struct net_listen l;
	size_t n = strlen(url.path);

	(void)state;
	memset(url.path + n, 'x', sizeof(url.path) - 1 - n);
	url.path[sizeof(url.path) - 1] = '\0';
	assert_int_equal(strlen(url.path), 107);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_answers(url.path);
	wyi_net_unlisten(&l, &url);
	assert_false(exists(url.path));
}

static void unlisten__path_is_another_inode_now__left_alone(void **state)
{
	struct url url = at("replaced");
	struct net_listen l;
	char lock[160];
	int fd;

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", url.path);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(unlink(url.path), 0);
	fd = foreign(url.path, SOCK_STREAM, 1);
	assert_int_equal(unlink(lock), 0);
	close(open(lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	wyi_net_unlisten(&l, &url);
	assert_true(exists(url.path));
	assert_true(exists(lock));
	assert_answers(url.path);
	close(fd);
}

static void unix__abstract_name__no_file_and_eaddrinuse(void **state)
{
	char name[64];
	struct url url;
	struct net_listen l, m;
	struct wye_error e = {0};

	(void)state;
	snprintf(name, sizeof(name), "@net-test-%ld", (long)getpid());
	url = path_url(URL_UNIX_LISTEN, name);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(l.lock_fd, -1);
	assert_answers(name);
	assert_int_equal(wyi_net_listen(&url, &m, &e), -EADDRINUSE);
	assert_contains(e.text, name);
	wyi_net_unlisten(&l, &url);
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	wyi_net_unlisten(&l, &url);
}

static void dial__nobody__enoent_or_refused(void **state)
{
	struct url url = path_url(URL_UNIX, in_scratch("nobody"));
	struct addr a;
	int fd;

	(void)state;
	assert_int_equal(wyi_addr_unix(&a, url.path), 0);
	assert_int_equal(wyi_net_dial(&url, &a, &fd), -ENOENT);
	close(foreign(url.path, SOCK_STREAM, 1));
	assert_int_equal(wyi_net_dial(&url, &a, &fd), -ECONNREFUSED);
}

/*
 * What may happen between the opening of a lock file and the lock on it. The program's own flock()
 * goes before the C library's.
 */
static void (*before_flock)(const char *lock);
static char flock_path[160];

int flock(int fd, int op)
{
	void (*then)(const char *) = before_flock;

	before_flock = NULL;
	if (then)
		then(flock_path);
	return (int)syscall(SYS_flock, fd, op);
}

static int others_lock = -1;

static void another_owner_leaves(const char *lock)
{
	assert_int_equal(unlink(lock), 0);
}

static void another_owner_leaves_and_a_third_comes(const char *lock)
{
	assert_int_equal(unlink(lock), 0);
	others_lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(others_lock, "4321\n", 5), 5);
	assert_int_equal(syscall(SYS_flock, others_lock, LOCK_EX | LOCK_NB), 0);
}

static void unix__lock_file_unlinked_before_our_lock__locks_the_one_with_the_name(void **state)
{
	struct url url = at("relock");
	struct net_listen l;
	struct stat locked, named;

	(void)state;
	snprintf(flock_path, sizeof(flock_path), "%s.lock", url.path);
	before_flock = another_owner_leaves;
	assert_int_equal(wyi_net_listen(&url, &l, NULL), 0);
	assert_int_equal(fstat(l.lock_fd, &locked), 0);
	assert_int_equal(lstat(flock_path, &named), 0);
	assert_int_equal(locked.st_ino, named.st_ino);
	wyi_net_unlisten(&l, &url);
	assert_false(exists(flock_path));
}

static void unix__lock_file_replaced_before_our_lock__the_third_one_owns_it(void **state)
{
	struct url url = at("third");
	struct net_listen l;
	struct wye_error e = {0};

	(void)state;
	snprintf(flock_path, sizeof(flock_path), "%s.lock", url.path);
	before_flock = another_owner_leaves_and_a_third_comes;
	assert_int_equal(wyi_net_listen(&url, &l, &e), WYE_EOWNED);
	assert_contains(e.text, "process 4321;");
	assert_false(exists(url.path));
	assert_true(exists(flock_path));
	close(others_lock);
}

/* two starters at once */

struct race {
	int go[2], result[2], hold[2];
};

static void starter(const struct url *url, const struct race *race)
{
	struct net_listen l;
	char byte;
	int r;

	close(race->go[1]);
	close(race->hold[1]);
	if (read(race->go[0], &byte, 1) != 0)
		_exit(2);
	r = wyi_net_listen(url, &l, NULL);
	if (write(race->result[1], &r, sizeof(r)) != sizeof(r))
		_exit(2);
	if (read(race->hold[0], &byte, 1) != 0)
		_exit(2);
	if (r == 0)
		wyi_net_unlisten(&l, url);
	_exit(0);
}

static void race_once(const struct url *url)
{
	struct race race;
	int r, won = 0, owned = 0, status;
	pid_t pid[2];

	assert_int_equal(pipe(race.go) | pipe(race.result) | pipe(race.hold), 0);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			starter(url, &race);
	}
	close(race.go[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read(race.result[0], &r, sizeof(r)), sizeof(r));
		won += r == 0;
		owned += r == WYE_EOWNED;
	}
	assert_int_equal(won, 1);
	assert_int_equal(owned, 1);
	assert_answers(url->path);
	close(race.hold[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	close(race.go[0]);
	close(race.hold[0]);
	close(race.result[0]);
	close(race.result[1]);
	assert_false(exists(url->path));
}

static void unix__two_starters_100_times__exactly_one_wins(void **state)
{
	struct url url = at("race");
	char lock[160];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.lock", url.path);
	for (int i = 0; i < 100; i++) {
		if (i % 2)
			close(foreign(url.path, SOCK_STREAM, 1));
		if (i % 4 > 1)
			close(open(lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		race_once(&url);
	}
}

#define CHURNERS 4
#define CHURNS	 400

struct churn {
	atomic_int owners, wins, wrong;
};

/* The path is ours from listen to unlisten: no other one who comes or goes takes it away. */
static void churn_once(const struct url *url, struct churn *c)
{
	struct net_listen l;
	struct stat st;
	int r = wyi_net_listen(url, &l, NULL);

	if (r < 0) {
		if (r != WYE_EOWNED && r != -EBUSY)
			atomic_fetch_add(&c->wrong, 1);
		return;
	}
	atomic_fetch_add(&c->wins, 1);
	if (atomic_fetch_add(&c->owners, 1) != 0)
		atomic_fetch_add(&c->wrong, 1);
	if (lstat(url->path, &st) < 0 || st.st_ino != l.ino || st.st_dev != l.dev)
		atomic_fetch_add(&c->wrong, 1);
	atomic_fetch_sub(&c->owners, 1);
	wyi_net_unlisten(&l, url);
}

static void unix__owners_come_and_go__never_two_and_never_robbed(void **state)
{
	struct url url = at("churn");
	struct churn *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[CHURNERS];
	int status;

	(void)state;
	assert_true(c != MAP_FAILED);
	for (int i = 0; i < CHURNERS; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		for (int k = 0; k < CHURNS; k++)
			churn_once(&url, c);
		_exit(0);
	}
	for (int i = 0; i < CHURNERS; i++)
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
	assert_int_equal(atomic_load(&c->wrong), 0);
	assert_true(atomic_load(&c->wins) > CHURNS / 10);
	assert_false(exists(url.path));
	munmap(c, sizeof(*c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unix__free_path__listens_and_cleans_up),
		cmocka_unit_test(unix__umask_0__mode_is_0600_still),
		cmocka_unit_test(unix__stale_socket_and_lock__taken_over),
		cmocka_unit_test(unix__live_owner__eowned_with_its_pid),
		cmocka_unit_test(unix__foreign_live_server__eowned_and_left_alone),
		cmocka_unit_test(unix__foreign_server_busy_or_of_another_type__eowned),
		cmocka_unit_test(unix__path_is_no_socket__error_and_left_alone),
		cmocka_unit_test(unix__lock_file_is_a_link_or_a_pipe__error),
		cmocka_unit_test(unix__no_directory__clear_text),
		cmocka_unit_test(unix__path_of_107_bytes__fits),
		cmocka_unit_test(unlisten__path_is_another_inode_now__left_alone),
		cmocka_unit_test(unix__abstract_name__no_file_and_eaddrinuse),
		cmocka_unit_test(dial__nobody__enoent_or_refused),
		cmocka_unit_test(
			unix__lock_file_unlinked_before_our_lock__locks_the_one_with_the_name),
		cmocka_unit_test(unix__lock_file_replaced_before_our_lock__the_third_one_owns_it),
		cmocka_unit_test(unix__two_starters_100_times__exactly_one_wins),
		cmocka_unit_test(unix__owners_come_and_go__never_two_and_never_robbed),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
