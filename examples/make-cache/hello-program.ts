/**
 * A program of a few hundred bytes for x86_64 Linux that needs no C library: it
 * prints what is in one file, and a text of its own where that file is missing.
 *
 * It is assembled here by hand, so that the repository holds a program that runs
 * in an image with nothing else in it, and no compiler is needed to make it.
 *
 * @see https://refspecs.linuxfoundation.org/elf/elf.pdf
 */

/** Processors, in ELF's numbers. */
export const X86_64 = 62
export const AARCH64 = 183

/** Where the kernel maps the file; the customary address. */
const LOAD_ADDRESS = 0x400000
const ELF_HEADER_BYTES = 64
const PROGRAM_HEADER_BYTES = 56
const CODE_START = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES

/** The most that is printed, and the room made for it on the stack. */
const BUFFER_BYTES = 4096

/**
 * @param file Absolute path of the file to print.
 * @param otherwise Printed where there is no such file.
 * @returns A static ELF executable.
 */
export function helloProgram(file: string, otherwise: string): Uint8Array {
  const path = Buffer.from(`${file}\0`)
  const text = Buffer.from(otherwise)
  const codeBytes = code(0, 0, text.length).length
  const machine = code(codeBytes, codeBytes + path.length, text.length)
  return executable(X86_64, Buffer.concat([machine, path, text]))
}

/**
 * @param machine What the instructions are for, as ELF numbers it.
 * @param body Instructions, from the first one that is run, and data.
 * @returns A static ELF executable.
 */
export function executable(machine: number, body: Buffer): Uint8Array {
  return Buffer.concat([elfHeader(machine), programHeader(CODE_START + body.length), body])
}

/**
 * The instructions.
 *
 * @param pathOffset Where the path stands, in bytes from the start of the code.
 * @param textOffset Where the text stands, likewise.
 */
function code(pathOffset: number, textOffset: number, textBytes: number): Buffer {
  // Displacements count from the end of the instruction; these two end at bytes 12 and 59.
  const toPath = int32(pathOffset - 12)
  const toText = int32(textOffset - 59)
  // oxfmt-ignore
  return Buffer.from([
    0xb8, ...int32(2),                          //  0  mov  eax, 2          open(
    0x48, 0x8d, 0x3d, ...toPath,                //  5  lea  rdi, [path]       path,
    0x31, 0xf6,                                 // 12  xor  esi, esi          O_RDONLY,
    0x31, 0xd2,                                 // 14  xor  edx, edx          0)
    0x0f, 0x05,                                 // 16  syscall
    0x85, 0xc0,                                 // 18  test eax, eax
    0x78, 0x1e,                                 // 20  js   52              no such file
    0x48, 0x81, 0xec, ...int32(BUFFER_BYTES),   // 22  sub  rsp, 4096
    0x89, 0xc7,                                 // 29  mov  edi, eax        read(file,
    0x48, 0x89, 0xe6,                           // 31  mov  rsi, rsp          buffer,
    0xba, ...int32(BUFFER_BYTES),               // 34  mov  edx, 4096         4096)
    0x31, 0xc0,                                 // 39  xor  eax, eax
    0x0f, 0x05,                                 // 41  syscall
    0x85, 0xc0,                                 // 43  test eax, eax
    0x7e, 0x05,                                 // 45  jle  52              nothing in it
    0x92,                                       // 47  xchg eax, edx        length of what was read
    0xeb, 0x0f,                                 // 48  jmp  65
    0x90, 0x90,                                 // 50  nop, nop
    0x48, 0x8d, 0x35, ...toText,                // 52  lea  rsi, [text]
    0xba, ...int32(textBytes),                  // 59  mov  edx, length
    0x90,                                       // 64  nop
    0xb8, ...int32(1),                          // 65  mov  eax, 1          write(
    0x89, 0xc7,                                 // 70  mov  edi, eax          1, rsi, edx)
    0x0f, 0x05,                                 // 72  syscall
    0x31, 0xff,                                 // 74  xor  edi, edi        exit(0)
    0xb8, ...int32(60),                         // 76  mov  eax, 60
    0x0f, 0x05,                                 // 81  syscall
  ])
}

/** 64 bits, little endian, System V, an executable. */
function elfHeader(machine: number): Buffer {
  const header = Buffer.alloc(ELF_HEADER_BYTES)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(2, 16) // e_type: executable
  header.writeUInt16LE(machine, 18) // e_machine
  header.writeUInt32LE(1, 20) // e_version
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS + CODE_START), 24) // e_entry
  header.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32) // e_phoff
  header.writeUInt16LE(ELF_HEADER_BYTES, 52) // e_ehsize
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54) // e_phentsize
  header.writeUInt16LE(1, 56) // e_phnum
  return header
}

/** One segment: the whole file, readable and executable. */
function programHeader(fileBytes: number): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_BYTES)
  header.writeUInt32LE(1, 0) // p_type: load
  header.writeUInt32LE(5, 4) // p_flags: read and execute
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 16) // p_vaddr
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 24) // p_paddr
  header.writeBigUInt64LE(BigInt(fileBytes), 32) // p_filesz
  header.writeBigUInt64LE(BigInt(fileBytes), 40) // p_memsz
  header.writeBigUInt64LE(0x1000n, 48) // p_align
  return header
}

function int32(value: number): number[] {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return [...bytes]
}
