import assert from 'node:assert/strict'
import { programThatPrints } from '../../examples/nixpkgs/packages/hello-world.ts'
import { bodyOf, type Configuration, type ImageInArchive } from '../support/read-image.ts'

/** What an example has to show: the names of its images, and what is looked for in the first, or in all of them. */
type Shown = readonly [
  repoTags: readonly (string | RegExp)[],
  check: (image: ImageInArchive, ...more: readonly ImageInArchive[]) => void,
]

const HASH_TAG = /^[^:]+:[0-9a-df-np-sv-z]{32}$/
const EPOCH = '1970-01-01T00:00:01Z'

/**
 * Every example of nixpkgs' `pkgs/build-support/docker/examples.nix` but `exportBash`, which is no image.
 *
 * What is expected is what upstream's own tests ask of them, as far as it can be seen without an engine.
 */
export const IMAGE_EXAMPLES: Readonly<Record<string, Shown>> = {
  bash: [
    ['bash:latest'],
    (image) => {
      assertProgram(image, 'bin/bash')
      assert.equal(image.configuration.created, EPOCH)
    },
  ],
  redis: [
    ['redis:latest'],
    (image) => {
      assertFolder(image, 'data')
      assert.match(text(image, 'bin/healthcheck'), /redis-cli PING/)
      assertProgram(image, 'bin/bash')
      assert.deepEqual(Object.keys(config(image)).toSorted(), ['Cmd', 'Env', 'Healthcheck', 'Volumes', 'WorkingDir'])
      assert.equal((config(image)['Healthcheck'] as { Interval: number }).Interval, 30e9)
    },
  ],
  nginx: [['nginx-container:latest'], assertNginx],
  nginxStream: [['nginx-container:latest'], assertNginx],
  nixFromDockerHub: [['docker.io/library/nix:2.2.1'], assertPulled],
  testNixFromDockerHub: [['docker.io/library/nix:2.2.1'], assertPulled],
  editors: [
    [HASH_TAG],
    (image) => {
      for (const name of ['ls', 'bash', 'sed', 'perl']) assertProgram(image, `bin/${name}`)
    },
  ],
  nix: [['nix:latest'], assertNix],
  nixLayered: [['nix-layered:latest'], assertNix],
  'nix-layered': [['nix-layered:latest'], assertNix],
  onTopOfPulledImage: [
    ['ontopofpulledimage:latest'],
    (image) => {
      assertPulled(image)
      assertProgram(image, 'bin/hello')
    },
  ],
  runAsRootExtraCommands: [
    ['runasrootextracommands:latest'],
    (image) => {
      assert.equal(text(image, 'runAsRoot'), '(runAsRoot)\n')
      assert.equal(text(image, 'extraCommands'), '(extraCommands)\n')
    },
  ],
  unstableDate: [['unstable-date:latest'], (image) => assert.notEqual(image.configuration.created, EPOCH)],
  unstableDateLayered: [
    ['unstable-date-layered:latest'],
    (image) => assert.notEqual(image.configuration.created, EPOCH),
  ],
  'layered-image': [
    ['layered-image:latest'],
    (image) => {
      assert.equal(text(image, 'extraCommands'), '(extraCommands)\n')
      assertCommand(image)
      assert.ok(image.diffIds.length > 4, 'the packages have layers of their own')
    },
  ],
  'layered-on-top': [['layered-on-top:latest'], assertOnTop],
  'layered-on-top-layered': [['layered-on-top-layered:latest'], assertOnTop],
  runAsRootParentImage: [
    ['runas-root-parent-image:latest'],
    (image) => {
      assert.equal(text(image, 'example-file'), '')
      assertProgram(image, 'bin/bash')
    },
  ],
  layersOrder: [
    ['layers-order:latest'],
    (image) => {
      for (const n of [1, 2, 3]) assert.equal(text(image, `tmp/layer${n}`), `layer${n}\n`)
    },
  ],
  layersUnpackOrder: [['layers-unpack-order-c:latest'], (image) => assert.equal(text(image, 'layer-order'), 'abc')],
  environmentVariablesParent: [
    ['parent:latest'],
    (image) => {
      assert.deepEqual(config(image)['Env'], ['FROM_PARENT=true', 'LAST_LAYER=parent'])
    },
  ],
  environmentVariables: [['child:latest'], assertEnvironment],
  environmentVariablesLayered: [
    ['child:latest'],
    (image) => {
      assertEnvironment(image)
      assert.equal((config(image)['Env'] as string[]).filter((line) => line.startsWith('LAST_LAYER')).length, 1)
    },
  ],
  'another-layered-image': [['another-layered-image:latest'], assertCommand],
  'two-layered-image': [['two-layered-image:latest'], (image) => assert.equal(image.diffIds.length, 2)],
  'bulk-layer': [
    ['bulk-layer:latest'],
    (image) => {
      assertProgram(image, 'bin/hello')
      assert.ok(storePaths(image).length > 2)
      assert.equal(image.diffIds.length, 2)
    },
  ],
  'layered-bulk-layer': [
    ['layered-bulk-layer:latest'],
    (image) => {
      assertProgram(image, 'bin/hello')
      assert.equal(image.diffIds.length, 4)
    },
  ],
  'no-store-paths': [
    ['no-store-paths:latest'],
    (image) => {
      assertProgram(image, 'bin/hello')
      assert.equal(text(image, 'greeting'), 'Hello, world!\n')
      assert.deepEqual(storePaths(image), [])
    },
  ],
  filesInStore: [
    ['file-in-store:latest'],
    (image) => {
      const data = storePaths(image).find((path) => path.endsWith('-some-data')) ?? ''
      assert.equal(text(image, data), 'some data\n')
      assert.match(text(image, 'bin/myscript'), new RegExp(`/${data}\n`))
      assertDatabase(image)
    },
  ],
  cross: [
    ['hello-cross:latest'],
    (image) => {
      const [other, machine] = process.arch === 'arm64' ? (['amd64', 62] as const) : (['arm64', 183] as const)
      assert.equal(image.configuration.architecture, other)
      assert.equal(follow(image, 'bin/hello').readUInt16LE(18), machine)
    },
  ],
  layeredStoreSymlink: [
    ['layeredstoresymlink:latest'],
    (image) => {
      const [, link = ''] = config(image)['Cmd'] as string[]
      const target = linkOf(image, link.slice(1))
      assert.match(text(image, `${target.slice(1)}/dir/target`), /Content/)
    },
  ],
  prefixedImage: [['registry-1.docker.io/image:latest'], (image) => assertProgram(image, 'bin/hello')],
  prefixedLayeredImage: [['registry-1.docker.io/layered-image:latest'], assertCommand],
  layeredImageWithFakeRootCommands: [['layered-image-with-fake-root-commands:latest'], assertAlice],
  mergedBashAndRedis: [['bash:latest', 'redis:latest'], assertSharedLayer],
  mergedBashNoTagAndRedis: [
    [/^bash-no-tag:[0-9a-df-np-sv-z]{32}$/, 'redis:latest'],
    (image) => assertProgram(image, 'bin/bash'),
  ],
  mergedBashFakeRoot: [
    ['bash:latest', 'layered-image-with-fake-root-commands:latest'],
    (_bash, image) => {
      assert.ok(image)
      assertAlice(image)
    },
  ],
  mergeVaryingCompressor: [
    ['redis:latest', 'bash-uncompressed:latest', 'bash-zstd:latest'],
    (_redis, ...others) => {
      for (const image of others) assertProgram(image, 'bin/bash')
    },
  ],
  helloOnRoot: [['hello:latest'], (image) => assertProgram(image, 'bin/hello')],
  helloOnRootNoStore: [['hello:latest'], assertNoStore],
  helloOnRootNoStoreFakechroot: [
    ['hello:latest'],
    (image) => {
      assertNoStore(image)
      assert.equal(text(image, 'greeting'), 'Hello, world!\n')
    },
  ],
  etc: [
    ['etc:latest'],
    (image) => {
      assert.equal(image.files.get('etc/hosts')?.row.type, '0', 'a file, no link')
      assert.match(text(image, 'etc/hosts'), /localhost/)
    },
  ],
  'image-with-certs': [
    ['image-with-certs:latest'],
    (image) => {
      for (const name of [
        'etc/ssl/certs/ca-bundle.crt',
        'etc/ssl/certs/ca-certificates.crt',
        'etc/pki/tls/certs/ca-bundle.crt',
      ]) {
        assert.match(text(image, name), /^-----BEGIN CERTIFICATE-----/)
      }
    },
  ],
  imageViaFakeChroot: [['image-via-fake-chroot:latest'], (image) => assertProgram(image, 'opt/bin/hello')],
  'build-image-with-path': [
    ['build-image-with-path:latest'],
    (image) => assert.equal(text(image, 'hello.txt'), 'Hello there!\n'),
  ],
  'layered-image-with-path': [
    ['layered-image-with-path:latest'],
    (image) => assert.equal(text(image, 'hello.txt'), 'Hello there!\n'),
  ],
  'build-image-with-architecture': [['build-image-with-architecture:latest'], assertArm],
  'layered-image-with-architecture': [['layered-image-with-architecture:latest'], assertArm],
  bashNoTag: [[HASH_TAG], (image) => assertProgram(image, 'bin/bash')],
  bashNoTagLayered: [[HASH_TAG], (image) => assertProgram(image, 'bin/bash')],
  bashNoTagStreamLayered: [[HASH_TAG], (image) => assertProgram(image, 'bin/bash')],
  bashUncompressed: [['bash-uncompressed:latest'], (image) => assertProgram(image, 'bin/bash')],
  bashZstdCompressed: [['bash-zstd:latest'], (image) => assertProgram(image, 'bin/bash')],
  bashLayeredUncompressed: [['bash-layered-uncompressed:latest'], (image) => assertProgram(image, 'bin/bash')],
  bashLayeredZstdCompressed: [['bash-layered-zstd:latest'], (image) => assertProgram(image, 'bin/bash')],
  bashLayeredWithUser: [
    ['bash-layered-with-user:latest'],
    (image) => {
      assert.match(text(image, 'etc/passwd'), /^somebody:x:999:999:/m)
      for (const name of ['nix', 'nix/store']) assert.equal(image.files.get(name)?.row.mode, '0755', name)
    },
  ],
  'nix-shell-basic': [['nix-shell-basic:latest'], assertNotBuilt],
  'nix-shell-hook': [
    ['nix-shell-hook:latest'],
    (image) => assert.match(environment(image).get('shellHook') ?? '', /This is the shell hook!/),
  ],
  'nix-shell-inputs': [
    ['nix-shell-inputs:latest'],
    (image) => {
      assertProgram(image, `${environment(image).get('nativeBuildInputs')?.slice(1)}/bin/hello`)
    },
  ],
  'nix-shell-pass-as-file': [
    ['nix-shell-pass-as-file:latest'],
    (image) => {
      assert.equal(text(image, environment(image).get('strPath')?.slice(1) ?? ''), 'this is a string')
    },
  ],
  'nix-shell-run': [['nix-shell-run:latest'], (image) => assert.ok(!words(image).includes('--rcfile'))],
  'nix-shell-command': [['nix-shell-command:latest'], (image) => assert.ok(words(image).includes('--rcfile'))],
  'nix-shell-writable-home': [
    ['nix-shell-writable-home:latest'],
    (image) => {
      const home = image.files.get(environment(image).get('HOME')?.slice(1) ?? '')?.row
      assert.deepEqual([home?.type, home?.uid, home?.gid], ['5', 1000, 1000])
      assert.equal(config(image)['User'], '1000:1000')
    },
  ],
  'nix-shell-nonexistent-home': [
    ['nix-shell-nonexistent-home:latest'],
    (image) => {
      assert.equal(environment(image).get('HOME'), '/homeless-shelter')
      assert.match(text(image, 'etc/passwd'), /:\/homeless-shelter:/)
      assert.ok(!image.files.has('homeless-shelter'))
    },
  ],
  'nix-shell-build-derivation': [['nix-shell-build-derivation:latest'], assertNotBuilt],
}

function config(image: ImageInArchive): Configuration['config'] {
  return image.configuration.config
}

function words(image: ImageInArchive): readonly string[] {
  return config(image)['Cmd'] as readonly string[]
}

function environment(image: ImageInArchive): ReadonlyMap<string, string> {
  const lines = config(image)['Env'] as readonly string[]
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/** What is in a file of an image, through symlinks. */
function follow(image: ImageInArchive, name: string): Buffer {
  return bodyOf(image.files, name)
}

function text(image: ImageInArchive, name: string): string {
  return follow(image, name).toString()
}

function storePaths(image: ImageInArchive): readonly string[] {
  return [...image.files.keys()].filter((name) => /^nix\/store\/[0-9a-z]{32}-[^/]+$/.test(name))
}

function assertProgram(image: ImageInArchive, name: string): void {
  assert.equal(follow(image, name).toString('latin1', 0, 4), '\x7fELF', name)
}

/** Where a symlink leads. */
function linkOf(image: ImageInArchive, name: string): string {
  const link = image.files.get(name)?.row.link
  assert.ok(typeof link === 'string', `${name} is a symlink`)
  return link
}

function assertFolder(image: ImageInArchive, name: string): void {
  assert.equal(image.files.get(name)?.row.type, '5', name)
}

/** What `Cmd` names is in the image. */
function assertCommand(image: ImageInArchive): void {
  assertProgram(image, words(image)[0]?.slice(1) ?? '')
}

function assertNginx(image: ImageInArchive): void {
  const [program = '', page = ''] = words(image)
  assert.match(text(image, program.slice(1)), /^#!\/nix\/store/)
  assert.match(text(image, page.slice(1)), /Hello from NGINX/)
  assert.match(text(image, 'etc/passwd'), /^nginx:x:999:999:/m)
  assertFolder(image, 'var/log/nginx')
  assert.deepEqual(config(image)['ExposedPorts'], { '80/tcp': {} })
}

/** The program is what the examples' own assembler makes. */
function assertPulled(image: ImageInArchive): void {
  assert.match(text(image, 'share/read-me'), /stand-in/)
  assert.deepEqual(follow(image, 'bin/nix-store'), Buffer.from(programThatPrints('nix-store (Nix) 2.2.1\n', 'amd64')))
}

function assertNix(image: ImageInArchive): void {
  const [daemon] = [...image.files].filter(([name]) => /^nix\/store\/[^/]+\/bin\/nix-daemon$/.test(name))
  assert.equal(daemon?.[1].row.link, 'nix')
  assertDatabase(image)
}

/** Every path of the image is one that its database names. */
function assertDatabase(image: ImageInArchive): void {
  const database = image.files.get('nix/var/nix/db/db.sqlite')?.body ?? Buffer.alloc(0)
  assert.equal(database.toString('latin1', 0, 15), 'SQLite format 3')
  const paths = storePaths(image).filter((path) => !path.endsWith('-image-root'))
  assert.ok(paths.length > 3)
  for (const path of paths) assert.ok(database.includes(`/${path}`), path)
}

function assertOnTop(image: ImageInArchive): void {
  assertFolder(image, 'example-output')
  assert.equal(image.files.get('example-output')?.row.mode, '0777')
  assert.equal(text(image, 'extraCommands'), '(extraCommands)\n', 'from the base')
  assertCommand(image)
}

function assertEnvironment(image: ImageInArchive): void {
  assertProgram(image, 'bin/env')
  const variables = environment(image)
  assert.equal(variables.get('FROM_PARENT'), 'true')
  assert.equal(variables.get('FROM_CHILD'), 'true')
  assert.equal(variables.get('LAST_LAYER'), 'child')
}

function assertAlice(image: ImageInArchive): void {
  assert.equal(image.files.get('home/alice')?.row.uid, 1000)
  const hello = linkOf(image, 'hello')
  assert.match(hello, /-layeredImageWithFakeRootCommands-hello$/)
  assertProgram(image, `${hello.slice(1)}/bin/hello`)
}

function assertSharedLayer(bash: ImageInArchive, redis?: ImageInArchive): void {
  assert.ok(redis)
  assert.equal(redis.diffIds[0], bash.diffIds[0])
  assertProgram(redis, 'bin/bash')
}

function assertNoStore(image: ImageInArchive): void {
  assert.match(linkOf(image, 'bin/hello'), /^\/nix\/store\//)
  assert.deepEqual(storePaths(image), [])
}

function assertArm(image: ImageInArchive): void {
  assert.equal(image.configuration.architecture, 'arm64')
  assert.equal(text(image, 'hello.txt'), 'Hello there!\n')
}

function assertNotBuilt(image: ImageInArchive): void {
  const out = environment(image).get('out') ?? ''
  assert.match(out, /^\/nix\/store\//)
  assert.ok(!image.files.has(out.slice(1)), 'it is built in the container')
  assert.ok([...image.files.keys()].some((name) => name.endsWith('/bin/buildDerivation')))
}
