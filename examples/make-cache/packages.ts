import { hashBytes, makeOutputPath, type StorePath } from '#store'
import { helloProgram } from './hello-program.ts'

/** A file of a package: its content, or where it links to. */
export type PackageFile =
  | { readonly content: string | Uint8Array; readonly isExecutable?: boolean }
  | { readonly target: string }

/** What goes into the cache under one store path. */
export interface Package {
  readonly path: StorePath
  /** By name, relative to the path. */
  readonly files: Readonly<Record<string, PackageFile>>
}

/**
 * The packages of the cache. References follow from the texts, as in any store:
 *
 *     hello-suite ──▶ guide ──▶ hello ──▶ greeting ──▶ licence
 *          │                      ▲ │                     ▲
 *          └──────────────────────┘ └─────────────────────┘
 */
export function examplePackages(): readonly Package[] {
  const licence = pathOf('licence-1.0')
  const greeting = pathOf('greeting-1.0')
  const hello = pathOf('hello-1.0')
  const guide = pathOf('guide-1.0')
  return [
    { path: licence, files: { 'share/licence.txt': { content: 'Do with these examples what you like.\n' } } },
    {
      path: greeting,
      files: {
        'share/greeting.txt': { content: 'Hello from a store path!\n' },
        'share/doc/greeting/licence.txt': { target: `${licence}/share/licence.txt` },
      },
    },
    {
      path: hello,
      files: {
        'bin/hello': {
          content: helloProgram(`${greeting}/share/greeting.txt`, 'Hello, world!\n'),
          isExecutable: true,
        },
        'share/doc/hello/licence.txt': { target: `${licence}/share/licence.txt` },
      },
    },
    { path: guide, files: { 'share/guide.txt': { content: guideText(hello) } } },
    {
      path: pathOf('hello-suite-1.0'),
      // Without a file of its own nothing in an image would name it: symlinks are copied as they are.
      files: {
        'share/suite.txt': { content: 'Hello, and a guide to it.\n' },
        'bin/hello': { target: `${hello}/bin/hello` },
        'share/guide.txt': { target: `${guide}/share/guide.txt` },
      },
    },
  ]
}

/** The output path of a build: it says nothing of the content, so that only a signature can vouch for it. */
function pathOf(name: string): StorePath {
  return makeOutputPath('out', hashBytes('sha256', `the example package ${name}`), name)
}

/** Long enough to make a layer of visible size. */
function guideText(hello: StorePath): string {
  const numbers = Array.from({ length: 2000 }, (_, index) => `${index + 1}. Run ${hello}/bin/hello once more.`)
  return ['How to say hello', '', ...numbers, ''].join('\n')
}
