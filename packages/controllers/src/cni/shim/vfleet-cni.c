/*
 * The CNI executable that costs next to nothing to start: hands a call to the daemon's socket and its answer back. What is said over
 * the socket is described in ../edge/socket-protocol.ts. Without a daemon the executable "vfleet-cni-node" beside this one
 * takes the call, if it is installed.
 *
 *   VFLEET_CNI_SOCKET    the daemon's socket; default /run/vfleet/cni.sock
 *   VFLEET_CNI_FALLBACK  what is executed when no daemon answers
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/vfleet/cni.sock"
#define FALLBACK_NAME "vfleet-cni-node"
#define VARIABLES_MAX (128 << 10)
#define INPUT_MAX (1 << 20)
#define OUTPUT_MAX (4 << 20)
#define ANSWER_TIMEOUT_SECONDS 110

/* Error codes of the CNI specification. */
#define IO_FAILURE 5
#define UNDECODABLE 6
#define TRY_AGAIN 11
#define NOT_AVAILABLE 50

extern char **environ;

/* Every text given here is a constant without quotes. */
static int failed(int code, const char *message, const char *details) {
	printf("{\"cniVersion\":\"1.1.0\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}", code, message, details);
	fflush(stdout);
	return 1;
}

static int commandIs(const char *name) {
	const char *command = getenv("CNI_COMMAND");
	return command != NULL && strcmp(command, name) == 0;
}

/* Connects, and makes sure that root or we ourselves are at the other end. */
static int connectDaemon(const char *path, int *strange) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_SECONDS };
	struct ucred peer;
	socklen_t size = sizeof peer;
	int fd;

	*strange = 0;
	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || (peer.uid != 0 && peer.uid != geteuid())) {
		*strange = 1;
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	return fd;
}

/* Only returns when there is nothing to execute. Standard input is untouched until then. */
static int withoutDaemon(char **argv) {
	static char path[4096 + sizeof FALLBACK_NAME];
	const char *fallback = getenv("VFLEET_CNI_FALLBACK");

	if (fallback == NULL) {
		ssize_t length = readlink("/proc/self/exe", path, 4095);
		char *slash;
		if (length > 0) {
			path[length] = '\0';
			slash = strrchr(path, '/');
			if (slash != NULL) {
				strcpy(slash + 1, FALLBACK_NAME);
				fallback = path;
			}
		}
	}
	if (fallback != NULL)
		execv(fallback, argv);
	if (commandIs("VERSION")) {
		fputs("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}", stdout);
		fflush(stdout);
		return 0;
	}
	return failed(commandIs("STATUS") ? NOT_AVAILABLE : TRY_AGAIN, "the vfleet daemon of this node does not run",
		"Start it, or look at its log; the runtime tries again.");
}

/* Bytes read up to the end, or -1 on an error, -2 when there is more than fits. */
static long readAll(int fd, char *buffer, long size) {
	long length = 0;

	for (;;) {
		ssize_t got = read(fd, buffer + length, (size_t)(size - length));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return length;
		length += got;
		if (length == size)
			return -2;
	}
}

static int sendAll(int fd, const char *bytes, long length) {
	while (length > 0) {
		ssize_t sent = send(fd, bytes, (size_t)length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		bytes += sent;
		length -= sent;
	}
	return 0;
}

static long gatherVariables(char *buffer) {
	long length = 0;

	for (char **variable = environ; *variable != NULL; variable++) {
		long size = (long)strlen(*variable) + 1;
		if (strncmp(*variable, "CNI_", 4) != 0)
			continue;
		if (length + size > VARIABLES_MAX)
			return -1;
		memcpy(buffer + length, *variable, (size_t)size);
		length += size;
	}
	return length;
}

/* Prints the answer; the exit status, or -1 when it is not whole. */
static int relayAnswer(int fd, char *buffer) {
	long length = readAll(fd, buffer, OUTPUT_MAX + 64);
	char *newline;
	int status, used = 0;
	long size;

	if (length <= 0)
		return -1;
	newline = memchr(buffer, '\n', length < 64 ? (size_t)length : 64);
	if (newline == NULL)
		return -1;
	*newline = '\0';
	if (sscanf(buffer, "%1d %9ld%n", &status, &size, &used) != 2 || buffer[used] != '\0' || status < 0 || status > 1)
		return -1;
	if (size != length - (newline + 1 - buffer))
		return -1;
	if (fwrite(newline + 1, 1, (size_t)size, stdout) != (size_t)size || fflush(stdout) != 0)
		return -1;
	return status;
}

int main(int argc, char **argv) {
	const char *path = getenv("VFLEET_CNI_SOCKET");
	char *variables = malloc(VARIABLES_MAX), *input = malloc(INPUT_MAX + 1), *output = malloc(OUTPUT_MAX + 64);
	char header[64];
	long variablesLength, inputLength;
	int fd, strange, status;

	(void)argc;
	if (variables == NULL || input == NULL || output == NULL)
		return failed(TRY_AGAIN, "the node has no memory left", "The runtime tries again.");
	fd = connectDaemon(path != NULL ? path : DEFAULT_SOCKET, &strange);
	if (strange)
		return failed(IO_FAILURE, "the socket of the vfleet daemon belongs to another user", "Find out who has put it there.");
	if (fd < 0)
		return withoutDaemon(argv);
	variablesLength = gatherVariables(variables);
	if (variablesLength < 0)
		return failed(UNDECODABLE, "the variables of the call are too large", "This is a mistake of the container runtime.");
	inputLength = readAll(STDIN_FILENO, input, INPUT_MAX + 1);
	if (inputLength == -2)
		return failed(UNDECODABLE, "the configuration on standard input is larger than 1 MiB", "Correct the network.");
	if (inputLength < 0)
		return failed(IO_FAILURE, "standard input cannot be read", "This is a mistake of the container runtime.");
	snprintf(header, sizeof header, "vfleet-cni/1 %ld %ld\n", variablesLength, inputLength);
	if (sendAll(fd, header, (long)strlen(header)) != 0 || sendAll(fd, variables, variablesLength) != 0 || sendAll(fd, input, inputLength) != 0)
		return failed(TRY_AGAIN, "the vfleet daemon closed the connection", "The runtime tries again.");
	status = relayAnswer(fd, output);
	if (status < 0)
		return failed(TRY_AGAIN, "the vfleet daemon went away during the call", "The runtime tries again; what was begun is taken back.");
	return status;
}
