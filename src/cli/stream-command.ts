import { streamConf, type WriteOptions } from '#docker-tools'
import { DockerToolsError } from '#errors'
import { type Command, type CommandInput, textOption } from './command.ts'
import { OUTPUT_OPTIONS, MAKE_OPTIONS, makeOptions, STORE_OPTIONS, storeOptions } from './common-options.ts'
import { loadDefinition } from './load-definition.ts'
import { readTextFile } from './read-text.ts'
import { reporterOf } from './session.ts'
import { openStdout, refuseTerminal } from './stdout-sink.ts'

export const streamCommand: Command = {
  name: 'stream',
  usage: 'DEF[#name] | --conf CONF.json [-t REPO:TAG]',
  summary: 'Write an image to standard output as an uncompressed docker-archive',
  description:
    'Writes the image that DEF describes to standard output, for docker load and others to read.\n' +
    'With --conf it takes the place of the stream script that nixpkgs makes.',
  positionals: [0, 1],
  options: {
    conf: {
      type: 'string',
      valueName: 'CONF.json',
      description: 'Stream from a conf of upstream instead of a definition',
    },
    repo_tag: {
      type: 'string',
      short: 't',
      valueName: 'REPO:TAG',
      description: 'Name and tag in place of the image’s own',
    },
    ...STORE_OPTIONS,
    ...MAKE_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    ['dockertools stream image.json | docker load', 'Load an image into Docker'],
    ['dockertools stream image.ts#web -t registry.example/web:1 | podman load', 'One of several, under another name'],
    ['dockertools stream --conf hello-conf.json | docker load', 'In place of upstream’s stream script'],
  ],
  run: runStream,
}

async function runStream(input: CommandInput): Promise<void> {
  const [definition] = input.positionals
  const confPath = textOption(input, 'conf')
  if ((definition === undefined) === (confPath === undefined)) {
    throw new DockerToolsError('USAGE', 'Cannot run stream: it takes either a definition or --conf', {
      hint: 'Run dockertools stream --help',
    })
  }
  refuseTerminal('stream')
  const repoTag = textOption(input, 'repo_tag')
  const options: WriteOptions = {
    ...storeOptions(input),
    ...makeOptions(input),
    onEvent: reporterOf(input),
    ...(repoTag === undefined ? {} : { repoTag }),
  }
  const stdout = openStdout()
  if (confPath !== undefined) {
    await streamConf(await readTextFile(confPath, confPath), stdout, options)
  } else if (definition !== undefined) {
    const { recipe, baseDirectory } = await loadDefinition(definition)
    await recipe.writeTo(stdout, { ...options, baseDirectory })
  }
  await stdout.end()
}
