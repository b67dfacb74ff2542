import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixturePath, writeCache } from '../support/binary-cache.ts'
import { makeBench } from '../support/run-cli.ts'
import { expectRefusal, type Refusal } from './expect-refusal.ts'

const HERE = fixturePath('a', 'here')
const GONE = fixturePath('b', 'gone')
const LONELY = fixturePath('c', 'lonely')

/** Each is wrong in one way. */
const cases: Readonly<Record<string, readonly [args: Readonly<Record<string, unknown>> | string, refusal: Refusal]>> = {
  'a store path that is too short': [
    { contents: '/nix/store/abc' },
    { code: 'STORE_PATH_INVALID', message: /"\/nix\/store\/abc"/ },
  ],
  'a store path with a letter that no hash part has': [
    { contents: `/nix/store/${'e'.repeat(32)}-x` },
    { code: 'STORE_PATH_INVALID', message: /eeee/ },
  ],
  'a store path that leads out of the store': [
    { contents: '/nix/store/../../etc' },
    { code: 'STORE_PATH_INVALID', message: /\.\./ },
  ],
  'a path that no store has': [
    { contents: GONE },
    { code: 'STORE_PATH_MISSING', message: /b-gone" in contents: no store has it/ },
  ],
  'a base image that no store has': [
    { fromImage: GONE },
    { code: 'STORE_PATH_MISSING', message: /b-gone" in fromImage: no store has it/ },
  ],
  'a base image that is not there': [
    { fromImage: './nothing.tar' },
    { code: 'FILE_UNREADABLE', message: /nothing\.tar": there is no such file/ },
  ],
  'contents that are not there': [
    { contents: ['./nothing'] },
    { code: 'FILE_UNREADABLE', message: /nothing": there is no such/ },
  ],
  'a reference to a path that no store has': [
    { contents: [LONELY] },
    { code: 'STORE_PATH_MISSING', message: /b-gone.*c-lonely|c-lonely.*b-gone/ },
  ],
  'a content that is a file': [{ contents: ['./file'] }, { code: 'FILE_TYPE_UNSUPPORTED', message: /contents|file/ }],
  'maxLayers of 1': [{ maxLayers: 1 }, { code: 'LAYER_LIMIT', message: /current value: 1/, isUpstreamText: true }],
  'maxLayers of 0': [{ maxLayers: 0 }, { code: 'LAYER_LIMIT', message: /current value: 0/, isUpstreamText: true }],
  'an argument with a slip in it': [
    { contens: [HERE] },
    { code: 'DEFINITION_INVALID', message: /no argument "contens", the nearest is "contents"/ },
  ],
  'an argument that nothing is like': [
    { zzzzzzzz: 1 },
    { code: 'DEFINITION_INVALID', message: /no argument "zzzzzzzz"$/ },
  ],
  'a name that is a number': [{ name: 7 }, { code: 'DEFINITION_INVALID', message: /argument "name": it is 7/ }],
  'a name that is empty': [{ name: '' }, { code: 'DEFINITION_INVALID', message: /argument "name": it is empty/ }],
  'a name with a line break': [{ name: 'a\nb' }, { code: 'DEFINITION_INVALID', message: /argument "name"/ }],
  'a tag with a colon': [{ tag: 'a:b' }, { code: 'DEFINITION_INVALID', message: /argument "tag"/ }],
  'maxLayers that is a text': [{ maxLayers: '5' }, { code: 'DEFINITION_INVALID', message: /argument "maxLayers"/ }],
  'maxLayers that is a fraction': [{ maxLayers: 2.5 }, { code: 'DEFINITION_INVALID', message: /argument "maxLayers"/ }],
  'contents that are a number': [{ contents: [[1]] }, { code: 'DEFINITION_INVALID', message: /argument "contents"/ }],
  'a relative path without ./': [
    { contents: ['folder'] },
    { code: 'DEFINITION_INVALID', message: /starts with "\/", "\.\/" or "\.\.\/"/ },
  ],
  'config that is a list': [{ config: [] }, { code: 'DEFINITION_INVALID', message: /argument "config"/ }],
  'a uid below 0': [{ uid: -1 }, { code: 'DEFINITION_INVALID', message: /argument "uid"/ }],
  'a uid that no kernel has': [{ uid: 4_294_967_295 }, { code: 'DEFINITION_INVALID', message: /argument "uid"/ }],
  'an owner name with NUL': [{ uname: 'a\0b' }, { code: 'DEFINITION_INVALID', message: /argument "uname".*NUL/ }],
  'a path with NUL': [{ contents: ['./a\0b'] }, { code: 'DEFINITION_INVALID', message: /argument "contents"/ }],
  'created that is no time': [{ created: 'yesterday-ish' }, { code: 'DEFINITION_INVALID', message: /created/ }],
  'a layering that is not there': [{ layering: 'best' }, { code: 'DEFINITION_INVALID', message: /layering/ }],
  'layering and a pipeline': [
    { layering: 'auto', layeringPipeline: [] },
    { code: 'DEFINITION_INVALID', message: /exclude each other/ },
  ],
  'a pipeline with an unknown stage': [
    { layeringPipeline: [['popularity_contst']] },
    { code: 'DEFINITION_INVALID', message: /popularity_contst/ },
  ],
  'fakeRootCommands that are a list': [
    { fakeRootCommands: ['true'] },
    { code: 'DEFINITION_INVALID', message: /"fakeRootCommands": it is .*, it should be a string/ },
  ],
  'enableFakechroot that is a text': [
    { enableFakechroot: 'yes' },
    { code: 'DEFINITION_INVALID', message: /"enableFakechroot": it is "yes", it should be true or false/ },
  ],
  'includeNixDB that is a text': [
    { includeNixDB: 'yes' },
    { code: 'DEFINITION_INVALID', message: /"includeNixDB": it is "yes", it should be true or false/ },
  ],
  'a Nix database and an image without contents to register': [
    '{"function":"buildImageWithNixDb","args":{"name":"x"}}',
    { code: 'DEFINITION_INVALID', message: /"includeNixDB": there is nothing to register.*"copyToRoot"/ },
  ],
  'a definition that is no JSON': ['{ "function": ', { code: 'DEFINITION_INVALID', message: /image\.json/ }],
  'a definition that is a list': ['[]', { code: 'DEFINITION_INVALID', message: /should be an object/ }],
  'a definition that is nested without end': [
    '[['.repeat(100_000),
    { code: 'DEFINITION_INVALID', message: /nested deeper/ },
  ],
  'a function with a slip in it': [
    '{"function":"streamLayerdImage","args":{}}',
    { code: 'DEFINITION_INVALID', message: /no function "streamLayerdImage", the nearest is "streamLayeredImage"/ },
  ],
  'an argument of a builder with a slip in it': [
    '{"function":"writeTextDir","args":{"pth":"a","text":""}}',
    { code: 'DEFINITION_INVALID', message: /no argument "pth", the nearest is "path"/ },
  ],
  'a nix-shell image without a derivation': [
    '{"function":"streamNixShellImage","args":{}}',
    { code: 'DEFINITION_INVALID', message: /argument "drv": it is missing/ },
  ],
  'a definition with more in it': [
    '{"function":"streamLayeredImage","args":{"name":"x"},"arg":1}',
    { code: 'DEFINITION_INVALID', message: /"arg"/ },
  ],
}

for (const [what, [args, refusal]] of Object.entries(cases)) {
  test(`refused: ${what}`, async () => {
    await using bench = await makeBench()
    for (const name of ['result', 'folder']) mkdirSync(join(bench.path, name))
    writeFileSync(join(bench.path, 'file'), 'x')
    const cache = writeCache(join(bench.path, 'binary-cache'), [
      { path: HERE, tree: { folder: [['etc', { folder: [['a', 'x']] }]] } },
      { path: LONELY, tree: { folder: [['a', GONE]] }, references: [GONE] },
    ])
    const definition =
      typeof args === 'string' ? args : { function: 'streamLayeredImage', args: { name: 'x', tag: '1', ...args } }
    await expectRefusal(bench, definition, ['--store', cache, '--no-check-signatures'], refusal)
  })
}
