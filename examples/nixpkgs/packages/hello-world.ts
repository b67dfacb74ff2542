import { AARCH64, executable, X86_64 } from '../../make-cache/hello-program.ts'

/** A static program of less than 200 bytes that prints one line. It is the same on every machine. */
export function helloWorld(architecture: 'amd64' | 'arm64'): Uint8Array {
  return programThatPrints('Hello, world!\n', architecture)
}

/** The same with another text, of up to 255 bytes. */
export function programThatPrints(text: string, architecture: 'amd64' | 'arm64'): Uint8Array {
  const bytes = Buffer.from(text)
  return architecture === 'amd64'
    ? executable(X86_64, Buffer.concat([x86_64Code(bytes.length), bytes]))
    : executable(AARCH64, Buffer.concat([aarch64Code(bytes.length), bytes]))
}

// oxfmt-ignore
const x86_64Code = (length: number): Buffer => Buffer.from([
  0xb8, 1, 0, 0, 0,                 //  0  mov  eax, 1        write(
  0xbf, 1, 0, 0, 0,                 //  5  mov  edi, 1          1,
  0x48, 0x8d, 0x35, 16, 0, 0, 0,    // 10  lea  rsi, [text]     text,
  0xba, length, 0, 0, 0,            // 17  mov  edx, length     length)
  0x0f, 0x05,                       // 22  syscall
  0x31, 0xff,                       // 24  xor  edi, edi      exit(0)
  0xb8, 60, 0, 0, 0,                // 26  mov  eax, 60
  0x0f, 0x05,                       // 31  syscall
])

const aarch64Code = (length: number): Buffer =>
  instructions([
    0xd2800020, //  0  mov  x0, #1       write(1,
    0x100000e1, //  4  adr  x1, text       text,
    0xd2800002 + length * 32, //           length)
    0xd2800808, // 12  mov  x8, #64
    0xd4000001, // 16  svc  #0
    0xd2800000, // 20  mov  x0, #0       exit(0)
    0xd2800ba8, // 24  mov  x8, #93
    0xd4000001, // 28  svc  #0
  ])

function instructions(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4)
  return bytes
}
