import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = `
#include <unistd.h>
#include <sys/syscall.h>
static void wait(void) { if (access(WHILE, F_OK) == 0) sleep(SECONDS); }
int fsync(int descriptor) { wait(); return syscall(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { wait(); return syscall(SYS_fdatasync, descriptor); }
`;

/**
 * The environment of a process to which every sync takes so many seconds more; needs `cc`.
 *
 * @param folder where the library is made that does it
 * @param file as long as there is such a file
 */
export function slowDisk(folder: string, seconds: number, file = folder): NodeJS.ProcessEnv {
  const library = join(folder, 'slow-disk.so');
  writeFileSync(join(folder, 'slow-disk.c'), SOURCE);
  execFileSync('cc', [
    ...['-shared', '-fPIC', `-DSECONDS=${seconds}`, `-DWHILE="${file}"`],
    ...['-o', library, join(folder, 'slow-disk.c')],
  ]);
  return { LD_PRELOAD: library };
}
