/* backup.h: copying a data directory beside running servers.
 *
 * The copy is what the directory was at one moment, synced: every log, the
 * journal (for the ids that it remembers, and for lines that logs lack after a
 * crash), and whatever else lies beside the logs. It is made as TO.partial, and
 * gets its name when it is complete; if anything fails the program ends with
 * EXIT_IO and removes what it has made. */
#ifndef BACKUP_H
#define BACKUP_H

/* Copies the directory `from`. Returns where the copy is until it is kept. */
const char *backup_make(const char *from, const char *to);
/* Gives the copy its name. 0; -1: the copy lacks a file, which was told. */
int backup_keep(void);

#endif
