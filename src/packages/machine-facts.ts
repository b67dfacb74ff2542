import type { ElfTarget } from './elf-file.ts'

/** What loaders of one processor have compiled in. */
interface MachineFacts {
  /** The name of Debian's folders for it. */
  readonly triplet: string
  /** What `$PLATFORM` stands for on every processor of the kind; models that have names of their own do not count. */
  readonly platform: string
}

/** By the number of the processor, its bits and byte order (`l`ittle or `b`ig). */
const FACTS: Readonly<Record<string, MachineFacts>> = {
  '3-32l': { triplet: 'i386-linux-gnu', platform: 'i686' },
  '8-32l': { triplet: 'mipsel-linux-gnu', platform: 'mips' },
  '8-64l': { triplet: 'mips64el-linux-gnuabi64', platform: 'mips' },
  '20-32b': { triplet: 'powerpc-linux-gnu', platform: 'powerpc' },
  '21-64b': { triplet: 'powerpc64-linux-gnu', platform: 'powerpc64' },
  '21-64l': { triplet: 'powerpc64le-linux-gnu', platform: 'powerpc64le' },
  '22-64b': { triplet: 's390x-linux-gnu', platform: 's390x' },
  '40-32l': { triplet: 'arm-linux-gnueabihf', platform: 'v7l' },
  '62-32l': { triplet: 'x86_64-linux-gnux32', platform: 'x86_64' },
  '62-64l': { triplet: 'x86_64-linux-gnu', platform: 'x86_64' },
  '183-64l': { triplet: 'aarch64-linux-gnu', platform: 'aarch64' },
  '243-64l': { triplet: 'riscv64-linux-gnu', platform: 'riscv64' },
  '258-64l': { triplet: 'loongarch64-linux-gnu', platform: 'loongarch64' },
}

/** What is known of programs for `target`, where anything is. */
export function machineFacts({ machine, bits, isLittleEndian }: ElfTarget): MachineFacts | undefined {
  return FACTS[`${machine}-${bits}${isLittleEndian ? 'l' : 'b'}`]
}
