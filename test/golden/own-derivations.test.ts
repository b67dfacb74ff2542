import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { buildLayeredImage, type BuildOptions, streamLayeredImage, type StreamLayeredImageArgs } from '#docker-tools'
import { makeTempDir } from '#util'
import { derivationOutput, derivationPath, derivationText, type OwnDerivation } from '../support/derivation-oracle.ts'
import { needs } from '../support/places.ts'

const options: BuildOptions = {
  stores: [`file://${fileURLToPath(new URL('cases/cache', import.meta.url))}`],
  checkSignatures: false,
  cacheDirectory: null,
  environment: {},
}

const LIB_A = '/nix/store/60y6h9frfqg98y2rl7qviqgiwdxkklqx-libA-0.1'
const BASE_A = '/nix/store/6x6m83cva6n58whznca9jh4yvd9lxlsk-base-a.tar'
const LINK_12 = '/nix/store/7xznc1nkrik3mzxf1faf3sgr2k76ignn-link12-1.12'

interface OwnCase {
  readonly args: StreamLayeredImageArgs
  /** The arguments of the three derivations, written out by hand. */
  readonly baseJson: OwnDerivation
  readonly customisation: OwnDerivation
  readonly conf: string
  readonly confInputs: readonly string[]
  /** The hash part that Nix 2.8 has accepted for the conf: it may change only with `formatVersion`. */
  readonly tag: string
}

const CUSTOMISATION_OFF = '"enableFakechroot":false,"extraCommands":"","fakeRootCommands":"","includeNixDB":false'

const cases: Readonly<Record<string, OwnCase>> = {
  'an image with nothing in it': {
    args: { name: 'minimal', architecture: 'amd64' },
    baseJson: {
      name: 'minimal-base.json',
      function: 'baseJson',
      args: '{"architecture":"amd64","config":{}}',
      inputs: [],
    },
    customisation: {
      name: 'minimal-customisation-layer',
      function: 'customisationLayer',
      args: `{"contents":[],${CUSTOMISATION_OFF}}`,
      inputs: [],
    },
    conf: `{"architecture":"amd64","config":{},"contents":[],"created":"1970-01-01T00:00:01+00:00",${CUSTOMISATION_OFF.replace('"includeNixDB"', '"fromImage":null,"gid":0,"gname":"root","includeNixDB"')},"includeStorePaths":true,"layering":"popularity","layeringPipeline":null,"maxLayers":100,"mtime":"1970-01-01T00:00:01+00:00","name":"minimal","tag":null,"uid":0,"uname":"root"}`,
    confInputs: [],
    tag: 'sgl9dqmpfak9k3hcw93yydp5b1139fl8',
  },
  'an image with contents, a base image and much else': {
    args: {
      name: 'Registry.example/Team/App',
      architecture: 'arm64',
      contents: [LIB_A],
      fromImage: BASE_A,
      config: { Env: ['B=2'], Cmd: [`${LINK_12}/x`], Labels: { ž: 'quote " and \\' } },
      created: '2024-02-29T12:34:56+01:00',
      mtime: 'now',
      uid: 1000,
      gid: 100,
      uname: 'user',
      gname: 'users',
      maxLayers: 50,
      layering: 'auto',
    },
    baseJson: {
      name: 'App-base.json',
      function: 'baseJson',
      args: `{"architecture":"arm64","config":{"Cmd":["${LINK_12}/x"],"Env":["B=2"],"Labels":{"ž":"quote \\" and \\\\"}}}`,
      inputs: [LINK_12],
    },
    customisation: {
      name: 'App-customisation-layer',
      function: 'customisationLayer',
      args: `{"contents":["${LIB_A}"],${CUSTOMISATION_OFF}}`,
      inputs: [LIB_A],
    },
    conf: `{"architecture":"arm64","config":{"Cmd":["${LINK_12}/x"],"Env":["B=2"],"Labels":{"ž":"quote \\" and \\\\"}},"contents":["${LIB_A}"],"created":"2024-02-29T11:34:56+00:00","enableFakechroot":false,"extraCommands":"","fakeRootCommands":"","fromImage":"${BASE_A}","gid":100,"gname":"users","includeNixDB":false,"includeStorePaths":true,"layering":"auto","layeringPipeline":null,"maxLayers":50,"mtime":"now","name":"Registry.example/Team/App","tag":null,"uid":1000,"uname":"user"}`,
    confInputs: [LIB_A, BASE_A],
    tag: 'w1kr73irxalg9ycxk4l8fb9nm76il6nz',
  },
  'an image with a layering pipeline': {
    args: { name: 'pipe', architecture: 'amd64', layeringPipeline: [['popularity_contest'], ['limit_layers', 5]] },
    baseJson: {
      name: 'pipe-base.json',
      function: 'baseJson',
      args: '{"architecture":"amd64","config":{}}',
      inputs: [],
    },
    customisation: {
      name: 'pipe-customisation-layer',
      function: 'customisationLayer',
      args: `{"contents":[],${CUSTOMISATION_OFF}}`,
      inputs: [],
    },
    conf: `{"architecture":"amd64","config":{},"contents":[],"created":"1970-01-01T00:00:01+00:00",${CUSTOMISATION_OFF.replace('"includeNixDB"', '"fromImage":null,"gid":0,"gname":"root","includeNixDB"')},"includeStorePaths":true,"layering":null,"layeringPipeline":[["popularity_contest"],["limit_layers",5]],"maxLayers":null,"mtime":"1970-01-01T00:00:01+00:00","name":"pipe","tag":null,"uid":0,"uname":"root"}`,
    confInputs: [],
    tag: 'm6gfqddn696944p4bcq9kmp0r6grn128',
  },
  'an image with a Nix database': {
    args: { name: 'db', architecture: 'amd64', contents: [LIB_A], includeNixDB: true },
    baseJson: {
      name: 'db-base.json',
      function: 'baseJson',
      args: '{"architecture":"amd64","config":{}}',
      inputs: [],
    },
    customisation: {
      name: 'db-customisation-layer',
      function: 'customisationLayer',
      args: `{"contents":["${LIB_A}"],"enableFakechroot":false,"extraCommands":"","fakeRootCommands":"","includeNixDB":true}`,
      inputs: [LIB_A],
    },
    conf: `{"architecture":"amd64","config":{},"contents":["${LIB_A}"],"created":"1970-01-01T00:00:01+00:00","enableFakechroot":false,"extraCommands":"","fakeRootCommands":"","fromImage":null,"gid":0,"gname":"root","includeNixDB":true,"includeStorePaths":true,"layering":"popularity","layeringPipeline":null,"maxLayers":100,"mtime":"1970-01-01T00:00:01+00:00","name":"db","tag":null,"uid":0,"uname":"root"}`,
    confInputs: [LIB_A],
    tag: '9h0axvfjrjxwciw5688ayxg6xxcbf7q9',
  },
}

function derivationsOf({ baseJson, customisation, conf, confInputs }: OwnCase): readonly OwnDerivation[] {
  const own = [derivationOutput(baseJson), derivationOutput(customisation)]
  const name = baseJson.name.replace('-base.json', '-conf.json')
  return [baseJson, customisation, { name, function: 'layeredImageConf', args: conf, inputs: [...own, ...confInputs] }]
}

for (const [what, own] of Object.entries(cases)) {
  test(`the derivations of ${what} have the paths that follow from their text`, async () => {
    const [, customisation = '', conf = ''] = derivationsOf(own).map(derivationOutput)
    const image = streamLayeredImage(own.args)
    const { path, text } = await image.conf(options)
    assert.equal(path, conf)
    assert.equal((JSON.parse(text) as { readonly customisation_layer: string }).customisation_layer, customisation)
    assert.equal(await image.imageTag(options), own.tag, 'the tag is part of the contract: it may not move')
    assert.ok(conf.startsWith(`/nix/store/${own.tag}-`))
  })
}

test('Nix takes the same derivations with the same output paths', needs('nix-store'), async () => {
  await using temp = await makeTempDir('own-drv-')
  await mkdir(`${temp.path}/nix/store`, { recursive: true })
  const all = Object.values(cases).flatMap(derivationsOf)
  // Nix reads each text, computes the output path anew, and refuses another one.
  const register = async (derivations: readonly OwnDerivation[], change: (text: string) => string): Promise<void> => {
    const paths = new Map<string, readonly string[]>()
    for (const derivation of derivations) {
      const path = derivationPath(derivation)
      for (const input of derivation.inputs) paths.set(input, [])
      paths.set(path, [...new Set(derivation.inputs)])
      await writeFile(`${temp.path}${path}`, change(derivationText(derivation, derivationOutput(derivation))))
    }
    const registrations = [...paths].map(
      ([path, references]) =>
        `${path}\nsha256:${'0'.repeat(64)}\n1\n\n${references.length}\n${references.map((item) => `${item}\n`).join('')}`,
    )
    execFileSync('nix-store', ['--load-db'], {
      input: registrations.join(''),
      env: { PATH: process.env['PATH'], HOME: temp.path, NIX_REMOTE: `local?root=${temp.path}`, USER: 'nobody' },
      stdio: ['pipe', 'ignore', 'pipe'],
    })
  }
  await register(all, (text) => text)
  const [first] = all
  assert.ok(first !== undefined)
  const wrong = `/nix/store/${'0'.repeat(32)}-${first.name}`
  await assert.rejects(
    register([first], (text) => text.replaceAll(derivationOutput(first), wrong)),
    /incorrect output/,
  )
})

const plain: StreamLayeredImageArgs = { name: 'x', architecture: 'amd64', contents: [LIB_A] }

/** Each changes the image, so each changes the tag. */
const relevant: readonly StreamLayeredImageArgs[] = [
  { ...plain, name: 'y' },
  { ...plain, name: 'a/x' },
  { ...plain, architecture: 'arm64' },
  { ...plain, contents: [LINK_12] },
  { ...plain, contents: [LIB_A, LINK_12] },
  { ...plain, contents: [LINK_12, LIB_A] },
  { ...plain, fromImage: BASE_A },
  { ...plain, config: { Cmd: ['x'] } },
  { ...plain, config: null },
  { ...plain, created: '2000-01-01' },
  { ...plain, mtime: '2000-01-01' },
  { ...plain, uid: 1 },
  { ...plain, gid: 1 },
  { ...plain, uname: 'u' },
  { ...plain, gname: 'g' },
  { ...plain, maxLayers: 5 },
  { ...plain, extraCommands: 'true' },
  { ...plain, includeStorePaths: false },
  { ...plain, includeNixDB: true },
  { ...plain, layering: 'auto' },
  { ...plain, layeringPipeline: [['popularity_contest']] },
  { ...plain, layeringPipeline: [['popularity_contest'], ['reverse']] },
]

test('every argument that the image depends on changes the tag', async () => {
  const tags = await Promise.all([plain, ...relevant].map((args) => streamLayeredImage(args).imageTag(options)))
  for (const tag of tags) assert.match(tag, /^[0-9a-df-np-sv-z]{32}$/)
  assert.equal(new Set(tags).size, tags.length)
})

test('arguments that the image does not depend on leave the tag as it is', async () => {
  const tag = await streamLayeredImage(plain).imageTag(options)
  const others: readonly StreamLayeredImageArgs[] = [
    { ...plain, debug: true },
    { ...plain, passthru: { a: 1 } },
    { ...plain, meta: { description: 'x' } },
    { ...plain, tag: null },
    { ...plain, config: {} },
    { ...plain, contents: [[LIB_A], null] },
    { ...plain, created: '@1' },
    { ...plain, fromImage: null, extraCommands: '' },
    { ...plain, maxLayers: 100, layering: 'popularity' },
  ]
  for (const args of others) assert.equal(await streamLayeredImage(args).imageTag(options), tag, JSON.stringify(args))
  for (const compressor of ['gz', 'zstd', 'none'] as const) {
    const image = buildLayeredImage({ ...plain, compressor })
    assert.equal(await image.imageTag(options), tag)
    assert.equal(await image.stream.imageTag(options), tag)
  }
})

test('an image on the result of another one depends on that recipe', async () => {
  const base = streamLayeredImage({ name: 'base', architecture: 'amd64' })
  const confPath = (await base.conf(options)).path
  const output = derivationOutput({
    name: 'stream-base',
    function: 'streamLayeredImage',
    args: `{"conf":"${confPath}"}`,
    inputs: [confPath],
  })
  const { text, path } = await streamLayeredImage({ ...plain, fromImage: base }).conf(options)
  assert.equal((JSON.parse(text) as { readonly from_image: string }).from_image, output)
  const compressed = buildLayeredImage({ name: 'base', architecture: 'amd64', compressor: 'zstd' })
  const archive = derivationOutput({
    name: 'base.tar.zst',
    function: 'buildLayeredImage',
    args: `{"compressor":"zstd","conf":"${confPath}"}`,
    inputs: [confPath],
  })
  const onArchive = await streamLayeredImage({ ...plain, fromImage: compressed }).conf(options)
  assert.equal((JSON.parse(onArchive.text) as { readonly from_image: string }).from_image, archive)
  assert.notEqual(onArchive.path, path)
})
