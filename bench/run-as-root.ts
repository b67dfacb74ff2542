// Measures what scripts cost:
// - `runAsRoot = "mkdir -p /data"` on a base of 100 MB, against the same build without it;
// - `fakeRootCommands` that gives 20,000 files to somebody, against fakeroot and GNU tar doing the same:
//   npm run --silent build && node --conditions=source bench/run-as-root.ts [ROUNDS]
// With DOCKERTOOLS_TEST_KERNEL=FILE the first is measured in a virtual machine as well.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareCommands } from './measure-command.ts'

const BASE_FILES = 5000
const BASE_FILE_BYTES = 20_000
const MAKE_FILES =
  'mkdir f; for i in $(seq 200); do mkdir f/$i; for j in $(seq 100); do : > f/$i/$j; done; done; chown -R 1000:1000 f'

const rounds = Number(process.argv[2] ?? 5)
const kernel = process.env['DOCKERTOOLS_TEST_KERNEL']
const folder = mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
const program = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))
const dockertools = `'${process.execPath}' '${program}'`
const environment = { XDG_CACHE_HOME: join(folder, 'cache'), DOCKERTOOLS_STORE: 'auto' }
process.chdir(folder)

writeBase()
const image = (args: object): string =>
  JSON.stringify({ function: 'buildImage', args: { compressor: 'none', ...args } })
writeFileSync('base.json', image({ name: 'base', tag: '1', copyToRoot: './base' }))
writeFileSync('plain.json', image({ name: 'x', tag: '1', fromImage: './base.tar' }))
writeFileSync('script.json', image({ name: 'x', tag: '1', fromImage: './base.tar', runAsRoot: 'mkdir -p /data' }))
const owners = { name: 'x', tag: '1', fakeRootCommands: MAKE_FILES }
writeFileSync('owners.json', JSON.stringify({ function: 'streamLayeredImage', args: owners }))

compareCommands({ base: `${dockertools} build -q base.json -o base.tar` }, 1, environment)
compareCommands(
  {
    'build without runAsRoot': `${dockertools} build -q plain.json -o plain.tar`,
    'build with runAsRoot': `${dockertools} build -q script.json -o script.tar`,
    ...(kernel === undefined
      ? {}
      : {
          '… in a virtual machine': `${dockertools} build -q script.json -o vm.tar --runner vm --vm-kernel '${kernel}'`,
        }),
  },
  rounds,
  environment,
)
const byHand = `rm -rf hand; mkdir hand; cd hand; ${MAKE_FILES}; tar --sort=name --numeric-owner -cf ../hand.tar .`
compareCommands(
  {
    'fakeroot, tar': `fakeroot bash -e -c '${byHand}'`,
    'stream with fakeRootCommands': `${dockertools} stream -q owners.json > owners.tar`,
    '… in namespaces': `${dockertools} stream -q owners.json --runner namespace > owners.tar`,
  },
  rounds,
  environment,
)
process.chdir('/')
rmSync(folder, { recursive: true, force: true })

function writeBase(): void {
  for (let file = 0; file < BASE_FILES; file++) {
    const directory = join('base', String(file % 100))
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, String(file)), Buffer.alloc(BASE_FILE_BYTES, `content ${file} `))
  }
}
