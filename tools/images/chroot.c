/*
 * chroot ROOT PROGRAM [WORD ...]: runs a program of the host from inside of the image, where the host's root file system is mounted at ROOT.
 * Of all that a shell and its tools bring, this is what the daemon needs.
 */
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words)
{
	if (count < 3) {
		fputs("usage: chroot ROOT PROGRAM [WORD ...]\n", stderr);
		return 125;
	}
	if (chroot(words[1]) != 0 || chdir("/") != 0) {
		perror(words[1]);
		return 125;
	}
	execv(words[2], words + 2);
	perror(words[2]);
	return 127;
}
