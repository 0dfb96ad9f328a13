import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = `
#include <unistd.h>
#include <sys/syscall.h>
int fsync(int descriptor) { sleep(SECONDS); return syscall(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { sleep(SECONDS); return syscall(SYS_fdatasync, descriptor); }
`;

/**
 * The environment of a process to which every sync takes so many seconds more; needs `cc`.
 *
 * @param folder where the library is made that does it
 */
export function slowDisk(folder: string, seconds: number): NodeJS.ProcessEnv {
  const library = join(folder, 'slow-disk.so');
  writeFileSync(join(folder, 'slow-disk.c'), SOURCE);
  execFileSync('cc', [
    ...['-shared', '-fPIC', `-DSECONDS=${seconds}`],
    ...['-o', library, join(folder, 'slow-disk.c')],
  ]);
  return { LD_PRELOAD: library };
}
