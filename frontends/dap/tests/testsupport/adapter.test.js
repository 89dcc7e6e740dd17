// heapsake dap, driven by @vscode/debugadapter-testsupport: the requests of an editor that pages, each with its answer.
// HEAPSAKE is the command, HEAPSAKE_DUMP a dump of tests/programs/dap/crash.py.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { afterEach, beforeEach, test } = require('node:test');
const { DebugClient } = require('@vscode/debugadapter-testsupport');

const HEAPSAKE = process.env.HEAPSAKE;
const DUMP = process.env.HEAPSAKE_DUMP;
const PATIENCE = 120000;

let client;

beforeEach(async () => {
  client = new DebugClient(HEAPSAKE, 'dap', 'heapsake');
  client.defaultTimeout = PATIENCE;
  await client.start();
});

afterEach(() => client?.stop());

/** As VS Code introduces itself. */
const EDITOR = {
  clientID: 'vscode', clientName: 'Visual Studio Code', adapterID: 'heapsake', pathFormat: 'path',
  linesStartAt1: true, columnsStartAt1: true, supportsVariableType: true, supportsVariablePaging: true,
  supportsRunInTerminalRequest: true, locale: 'en', supportsProgressReporting: true, supportsInvalidatedEvent: true,
  supportsMemoryReferences: true, supportsArgsCanBeInterpretedByShell: true, supportsMemoryEvent: true,
};

/** Opens the dump; gives the body of `stopped`. */
async function open(request = 'launch') {
  const stopped = client.waitForEvent('stopped');
  const initialized = client.waitForEvent('initialized');
  const { body } = await client.initializeRequest(EDITOR);
  assert.equal(body.supportsConfigurationDoneRequest, true);
  await client.send(request, { type: 'heapsake', request, dump: DUMP });
  await initialized;
  await client.setBreakpointsRequest({ source: { path: 'app.py' }, breakpoints: [{ line: 1 }, { line: 2 }] });
  await client.setFunctionBreakpointsRequest({ breakpoints: [] });
  await client.setExceptionBreakpointsRequest({ filters: [] });
  await client.configurationDoneRequest();
  return (await stopped).body;
}

async function variables(variablesReference, page = {}) {
  return (await client.variablesRequest({ variablesReference, ...page })).body.variables;
}

/** Threads, tasks and generators; the latter may be found after the first answer, which an event tells. */
async function everyThread() {
  const further = client.waitForEvent('thread').catch(() => undefined);
  const { threads } = (await client.threadsRequest()).body;
  if (threads.some((thread) => / · generator$/.test(thread.name))) {
    return threads;
  }
  await further;
  return (await client.threadsRequest()).body.threads;
}

/** The innermost frame, its scopes and its locals by name. */
async function innermost() {
  const { body } = await client.stackTraceRequest({ threadId: 1, startFrame: 0, levels: 1 });
  const [frame] = body.stackFrames;
  const scopes = (await client.scopesRequest({ frameId: frame.id })).body.scopes;
  const byName = (list) => Object.fromEntries(list.map((one) => [one.name, one]));
  const locals = byName(await variables(byName(scopes).Locals.variablesReference));
  return { frame, total: body.totalFrames, scopes: byName(scopes), locals };
}

for (const request of ['launch', 'attach']) {
  test(`${request}: threads, stack, source, exception`, async () => {
    const stopped = await open(request);
    assert.equal(stopped.reason, 'exception');
    assert.equal(stopped.text, 'ValueError');
    assert.equal(stopped.allThreadsStopped, true);
    const threads = await everyThread();
    assert.deepEqual(threads.map((thread) => thread.id), threads.map((_, at) => at + 1));
    for (const expected of [/^MainThread · \d+ frames · ValueError$/, /^waiter · /, /· task, pending$/, /^counting\.<locals>\.steps · 1 frame · generator$/]) {
      assert.ok(threads.some((thread) => expected.test(thread.name)), `${expected}: ${threads.map((one) => one.name)}`);
    }
    const { frame, total } = await innermost();
    assert.equal(path.basename(frame.source.path), 'crash.py');
    assert.equal(frame.source.origin, 'from the dump');
    const rest = (await client.stackTraceRequest({ threadId: 1, startFrame: 1, levels: 19 })).body;
    assert.equal(rest.stackFrames.length, Math.min(19, total - 1));
    assert.ok(rest.stackFrames.some((one) => one.source?.presentationHint === 'deemphasize'));
    const source = { sourceReference: frame.source.sourceReference };
    const text = (await client.sourceRequest({ source, ...source })).body;
    assert.equal(text.mimeType, 'text/x-python');
    assert.match(text.content.split('\n')[frame.line - 1], /raise ValueError/);
    const unseen = rest.stackFrames.find((one) => one.name === 'unseen');
    await assert.rejects(client.sourceRequest({ source: unseen.source, sourceReference: unseen.source.sourceReference }), /no text of nowhere\/unseen.py/);
    const information = (await client.exceptionInfoRequest({ threadId: 1 })).body;
    assert.equal(information.breakMode, 'unhandled');
    assert.equal(information.details.innerException[0].typeName, 'AttributeError');
  });
}

test('variables, a page at a time', async () => {
  await open();
  const { locals } = await innermost();
  assert.equal(locals.big.indexedVariables, 100000);
  assert.equal(locals.big.namedVariables, undefined);
  const page = await variables(locals.big.variablesReference, { filter: 'indexed', start: 99900, count: 100 });
  assert.deepEqual(page.map((one) => one.value), Array.from({ length: 100 }, (_, at) => String(99900 + at)));
  assert.deepEqual(await variables(locals.big.variablesReference, { filter: 'indexed', start: 100000, count: 100 }), []);
  const [entry] = await variables(locals.table.variablesReference, { filter: 'indexed', start: 500, count: 1 });
  assert.equal(entry.name, "[500] 'key 500'");
  assert.equal(entry.evaluateName, "table['key 500']");
  assert.equal(entry.value, '500');
  assert.ok(locals.tagged.namedVariables > 0 && locals.tagged.indexedVariables === 200);
  const named = await variables(locals.tagged.variablesReference, { filter: 'named' });
  assert.ok(named.some((one) => one.name === 'colour' && one.value === "'red'"));
  const [itself] = await variables(locals.loop.variablesReference);
  assert.equal(itself.variablesReference, locals.loop.variablesReference);
  assert.equal(locals.long.variablesReference, 0);
  assert.ok(locals.long.value.length <= 200 && /100,000/.test(locals.long.value));
  assert.deepEqual(locals.password.presentationHint.attributes, ['readOnly']);
  assert.match(locals.password.value, /redacted/);
});

test('expressions', async () => {
  await open();
  const { frame } = await innermost();
  for (const context of ['watch', 'repl', 'hover', 'clipboard', 'variables']) {
    const { body } = await client.evaluateRequest({ expression: 'order.items[1:]', frameId: frame.id, context });
    assert.equal(body.result, '[2, 3]');
    assert.equal((await variables(body.variablesReference)).length, 2);
  }
  const whole = (await client.evaluateRequest({ expression: 'long', frameId: frame.id, context: 'clipboard' })).body.result;
  assert.ok(whole.length > 100000);
  const hexadecimal = await client.evaluateRequest({ expression: 'big[255]', frameId: frame.id, format: { hex: true } });
  assert.equal(hexadecimal.body.result, '0xff');
  await assert.rejects(client.evaluateRequest({ expression: 'nothing_of_that_name', frameId: frame.id }), /nothing_of_that_name/);
  const held = (await client.evaluateRequest({ expression: 'refs(order)', frameId: frame.id })).body;
  assert.ok(held.variablesReference > 0);
  const { targets } = (await client.completionsRequest({ frameId: frame.id, text: 'order.it', column: 9 })).body;
  assert.ok(targets.some((target) => target.label === 'items'));
});

test('memory, modules, sources', async () => {
  await open();
  const { locals } = await innermost();
  const { memoryReference } = locals.data;
  const read = async (args) => (await client.customRequest('readMemory', { memoryReference, ...args })).body;
  const head = await read({ count: 7 });
  assert.equal(Buffer.from(head.data, 'base64').toString('latin1'), '\x00\x01hello');
  const tail = await read({ offset: 695, count: 10 });
  assert.equal(Buffer.from(tail.data, 'base64').length, 5);
  assert.equal(tail.unreadableBytes, 5);
  const { modules, totalModules } = (await client.customRequest('modules', { startModule: 0, moduleCount: 10 })).body;
  assert.equal(modules.length, 10);
  assert.ok(totalModules > 10);
  const all = (await client.customRequest('modules')).body.modules;
  assert.ok(all.some((module) => module.name === 'asyncio' && module.isUserCode === false));
  const { sources } = (await client.customRequest('loadedSources')).body;
  assert.ok(sources.some((source) => source.name === 'crash.py'));
});

test('what a dump does not do', async () => {
  await open();
  for (const command of ['continue', 'next', 'stepIn', 'stepOut', 'stepBack', 'reverseContinue', 'pause', 'restartFrame', 'goto']) {
    await assert.rejects(client.customRequest(command, { threadId: 1 }), /a dump does not run/);
  }
  await assert.rejects(client.customRequest('disassemble', {}), /not supported: disassemble/);
  const ended = client.waitForEvent('terminated');
  await client.terminateRequest();
  await ended;
});

test('a dump that cannot be opened', async () => {
  await client.initializeRequest(EDITOR);
  await assert.rejects(client.launchRequest({ dump: `${DUMP}.missing` }), /no such file/);
  await assert.rejects(client.launchRequest({ dump: __filename }), /not a heapsake dump/);
  await assert.rejects(client.launchRequest({}), /no dump is named/);
});

test('over a port', async () => {
  const server = spawn(HEAPSAKE, ['dap', '--listen', '0', '--once'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => server.on('exit', resolve));
  const line = await new Promise((resolve) => server.stdout.once('data', (data) => resolve(String(data))));
  const port = Number(/^listening on 127\.0\.0\.1:(\d+)\n$/.exec(line)[1]);
  await client.stop();
  client = new DebugClient(HEAPSAKE, 'dap', 'heapsake');
  await client.start(port);
  assert.equal((await open()).reason, 'exception');
  await client.stop();
  // A second stop would never be answered.
  client = undefined;
  assert.equal(await ended, 0);
});
