import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'node:test'
import { makeTempDir } from '#util'
import { useOwnHome } from './support/own-home.ts'
import { needs, ROOT } from './support/places.ts'

useOwnHome()

/** Everything that a program may import. A name that is added or taken away is a decision: see CONTRIBUTING.md. */
const VALUES: readonly string[] = [
  'DockerToolsError',
  'IntegrityError',
  'ScriptError',
  'TransferError',
  'binSh',
  'buildEnv',
  'buildImage',
  'buildImageWithNixDb',
  'buildLayeredImage',
  'buildLayeredImageWithNixDb',
  'buildNixShellImage',
  'caCertificates',
  'closureInfo',
  'derivation',
  'exportImage',
  'fakeNss',
  'fetchurl',
  'fromBinaryCache',
  'hostProgram',
  'importPath',
  'inspectImages',
  'loadImage',
  'makeShadowSetup',
  'mergeDrvs',
  'mergeImages',
  'mkDbExtraCommand',
  'mkPureLayer',
  'mkRootLayer',
  'multiPlatformImage',
  'nixpkgs',
  'placeholder',
  'pullImage',
  'pushImage',
  'realise',
  'runCommand',
  'setPrio',
  'shadowSetup',
  'shellScript',
  'storePath',
  'streamConf',
  'streamLayeredImage',
  'streamNixShellImage',
  'symlinkJoin',
  'tarsum',
  'usrBinEnv',
  'writeClosure',
  'writeOciArchive',
  'writeOciLayout',
  'writeScript',
  'writeScriptBin',
  'writeShellScript',
  'writeShellScriptBin',
  'writeText',
  'writeTextDir',
  'writeTextFile',
]

const TYPES: readonly string[] = [
  'ArchiveRecipe',
  'BinShArgs',
  'BuildEnvArgs',
  'BuildEvent',
  'BuildImageArgs',
  'BuildLayeredImageArgs',
  'BuildNixShellImageArgs',
  'BuildOptions',
  'Built',
  'ByteSink',
  'CaCertificatesArgs',
  'ClosureInfoArgs',
  'Coercible',
  'Conf',
  'ConfigArgument',
  'ContentsArgument',
  'DerivationArgs',
  'DerivationAttributes',
  'DerivationRecipe',
  'DrvArgument',
  'ErrorCode',
  'ExportImageArgs',
  'ExportOptions',
  'ExportRecipe',
  'FakeNssArgs',
  'FetchurlArgs',
  'FromBinaryCacheArgs',
  'FromBinaryCacheOptions',
  'HostProgramArgs',
  'HostProgramOptions',
  'ImageFileRecipe',
  'ImageLayerOutput',
  'ImageRecipe',
  'ImageReport',
  'ImageSummary',
  'ImportPathArgs',
  'InspectOptions',
  'LayerReport',
  'LayeringPipeline',
  'LayeringStage',
  'LoadOptions',
  'LoadedImages',
  'MergeDrvsArgs',
  'MergeImagesArgs',
  'MergedRecipe',
  'Meta',
  'MultiPlatformImage',
  'MultiPlatformImageArgs',
  'OciSummary',
  'PathArgument',
  'PathLike',
  'PlatformRecipe',
  'PullImageArgs',
  'PulledRecipe',
  'PushOptions',
  'PushSummary',
  'Realisable',
  'RealiseOutputOptions',
  'RealisedOutput',
  'Recipe',
  'Reporter',
  'RunCommandArgs',
  'RunnerName',
  'ShadowSetupArgs',
  'ShellScriptArgs',
  'SplitPathSpec',
  'StreamLayeredImageArgs',
  'StreamNixShellImageArgs',
  'StreamRecipe',
  'SymlinkJoinArgs',
  'UsrBinEnvArgs',
  'WriteOptions',
  'WriteScriptArgs',
  'WriteShellScriptArgs',
  'WriteTextArgs',
  'WriteTextDirArgs',
  'WriteTextFileArgs',
]

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest

/** The package as it would be published, in a folder of somebody who uses it. */
async function installPackage(): Promise<{ readonly path: string } & AsyncDisposable> {
  const temp = await makeTempDir('consumer-')
  const modules = join(temp.path, 'node_modules')
  mkdirSync(join(modules, 'dockertools'), { recursive: true })
  // No scripts: one of them builds, and the build is what is to be packed.
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--offline', '--pack-destination', temp.path], {
    cwd: ROOT,
    env: { ...process.env, npm_config_cache: join(temp.path, 'npm'), npm_config_update_notifier: 'false' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const tarball = join(temp.path, `dockertools-${manifest.version}.tgz`)
  execFileSync('tar', ['-xzf', tarball, '-C', join(modules, 'dockertools'), '--strip-components=1'])
  for (const name of [...Object.keys(manifest.dependencies), '@types']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(temp.path, 'package.json'), '{"type":"module"}')
  return temp
}

test('the package gives exactly these values and types', async () => {
  const entrance = (await import(pathToFileURL(join(ROOT, 'src/index.ts')).href)) as object
  assert.deepEqual(Object.keys(entrance).toSorted(), VALUES)
  const text = readFileSync(join(ROOT, 'src/index.ts'), 'utf8')
  const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, all, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => all !== undefined || name.startsWith('type '))
      .map((name) => name.replace(/^type /, ''))
      .filter((name) => name !== ''),
  )
  assert.deepEqual(names.toSorted(), TYPES)
})

test('the packed package holds what it needs, and nothing else', needs('npm', 'tar'), async () => {
  await using consumer = await installPackage()
  const root = join(consumer.path, 'node_modules/dockertools')
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  const expected =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|bin\/dockertools\.js|schema\/(definition|lock)\.json|dist\/.*\.(js|d\.ts))$/
  assert.deepEqual(
    files.filter((file) => !expected.test(file)),
    [],
  )
  assert.deepEqual(
    files.filter((file) => /\.test\.|^test|bench|golden|fixture/.test(file)),
    [],
  )
  for (const file of [
    'bin/dockertools.js',
    'dist/index.js',
    'dist/index.d.ts',
    'schema/definition.json',
    'schema/lock.json',
    'LICENSE',
  ]) {
    assert.ok(files.includes(file), file)
  }
  const output = execFileSync(process.execPath, ['node_modules/dockertools/bin/dockertools.js', '--version'], {
    cwd: consumer.path,
  })
  assert.equal(output.toString(), `${manifest.version}\n`)
})

const CONSUMER = `import { buildLayeredImage, DockerToolsError, type ImageSummary, streamLayeredImage } from 'dockertools'
import schema from 'dockertools/schema/definition.json' with { type: 'json' }

const image = streamLayeredImage({ name: 'x', tag: '1', architecture: 'amd64' })
const summary: ImageSummary = await image.writeTo({ write: () => undefined }, { cacheDirectory: null })
let code: string | undefined
try {
  // @ts-expect-error -- the types know the arguments
  buildLayeredImage({ nmae: 'x' })
} catch (error) {
  if (error instanceof DockerToolsError) code = error.code
}
console.log(JSON.stringify([summary.layers.length, code, typeof schema]))
`

test('a program that installs the package is checked by its types, and runs', needs('npm', 'tar'), async () => {
  await using consumer = await installPackage()
  writeFileSync(join(consumer.path, 'consumer.ts'), CONSUMER)
  const output = execFileSync(process.execPath, ['consumer.ts'], { cwd: consumer.path })
  assert.deepEqual(JSON.parse(output.toString()), [1, 'DEFINITION_INVALID', 'object'])
  const options = {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
    resolveJsonModule: true,
  }
  const project = { compilerOptions: options, files: ['consumer.ts'] }
  writeFileSync(join(consumer.path, 'tsconfig.json'), JSON.stringify(project))
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: consumer.path, encoding: 'utf8' })
})

test('nothing but the entrance can be imported', needs('npm', 'tar'), async () => {
  await using consumer = await installPackage()
  const script = "import('dockertools/dist/main.js').catch((error) => console.log(error.code))"
  const output = execFileSync(process.execPath, ['-e', script], { cwd: consumer.path })
  assert.equal(output.toString(), 'ERR_PACKAGE_PATH_NOT_EXPORTED\n')
})
