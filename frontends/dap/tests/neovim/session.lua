-- A session as nvim-dap holds one, in its order and with its arguments, and shown in buffers of Neovim.
--
-- nvim --headless --clean -l session.lua HEAPSAKE DUMP
-- nvim-dap itself is in no registry; what it sends is written down here.

local heapsake, dump = arg[1], arg[2]
local patience = 120000

local input, output = vim.uv.new_pipe(), vim.uv.new_pipe()
local ended = nil
local process, why = vim.uv.spawn(heapsake, { args = { "dap" }, stdio = { input, output, 2 } }, function(code)
  ended = code
end)
assert(process, why)

local received, responses, events, number = "", {}, {}, 0

local function take()
  while true do
    local _, last, length = received:find("Content%-Length: (%d+)\r\n\r\n")
    if not last or #received < last + tonumber(length) then
      return
    end
    local message = vim.json.decode(received:sub(last + 1, last + tonumber(length)), { luanil = { object = true } })
    received = received:sub(last + 1 + tonumber(length))
    if message.type == "response" then
      responses[message.request_seq] = message
    else
      table.insert(events, message)
    end
  end
end

output:read_start(function(problem, data)
  assert(not problem, problem)
  if data then
    received = received .. data
    take()
  end
end)

local function send(command, arguments)
  number = number + 1
  local message = vim.json.encode({ seq = number, type = "request", command = command, arguments = arguments })
  input:write(("Content-Length: %d\r\n\r\n%s"):format(#message, message))
  return number
end

local function answer(seq, command)
  assert(vim.wait(patience, function() return responses[seq] ~= nil end, 5), command .. " was not answered")
  local response = responses[seq]
  assert(response.success, command .. ": " .. tostring(response.message))
  return response.body
end

local function ask(command, arguments)
  return answer(send(command, arguments), command)
end

local function event(name)
  local found
  assert(vim.wait(patience, function()
    for at, each in ipairs(events) do
      if each.event == name then
        found = table.remove(events, at)
        return true
      end
    end
  end, 5), "no event " .. name)
  return found.body
end

local function check(good, what)
  if not good then
    error(what, 2)
  end
end

-- nvim-dap: Session:initialize
local capabilities = ask("initialize", {
  clientID = "neovim",
  clientName = "neovim",
  adapterID = "nvim-dap",
  pathFormat = "path",
  columnsStartAt1 = true,
  linesStartAt1 = true,
  supportsRunInTerminalRequest = true,
  supportsVariableType = true,
  supportsProgressReporting = true,
  supportsStartDebuggingRequest = true,
  supportsANSIStyling = true,
  locale = "en_US.UTF-8",
})
check(capabilities.supportsConfigurationDoneRequest, "capabilities")
local launched = send("launch", { type = "heapsake", request = "launch", name = "a dump", dump = dump })
event("initialized")
for _, each in ipairs(capabilities.exceptionBreakpointFilters or {}) do
  check(each.filter, "a filter has a name")
end
local configured = send("configurationDone")
answer(launched, "launch")
answer(configured, "configurationDone")

-- nvim-dap: Session:event_stopped
local stopped = event("stopped")
check(stopped.reason == "exception" and stopped.text == "ValueError", vim.inspect(stopped))
local threads = ask("threads").threads
if not vim.iter(threads):any(function(each) return each.name:find(" · generator", 1, true) end) then
  -- tasks and generators were found after the first answer
  event("thread")
  threads = ask("threads").threads
end
local thread = threads[1]
check(thread.id == stopped.threadId and vim.startswith(thread.name, "MainThread · "), vim.inspect(threads))
local frames = ask("stackTrace", { threadId = stopped.threadId, startFrame = 0 }).stackFrames
local frame = frames[1]
check(frame.name == "crash" and frame.source.sourceReference > 0, vim.inspect(frame))

-- nvim-dap: jump_to_frame, with the text in a scratch buffer
local content = ask("source", { source = frame.source, sourceReference = frame.source.sourceReference }).content
local buffer = vim.api.nvim_create_buf(false, true)
vim.api.nvim_buf_set_name(buffer, frame.source.path)
vim.api.nvim_buf_set_lines(buffer, 0, -1, true, vim.split(content, "\n"))
vim.api.nvim_win_set_buf(0, buffer)
vim.api.nvim_win_set_cursor(0, { frame.line, frame.column - 1 })
local line = vim.api.nvim_get_current_line()
check(vim.trim(line) == 'raise ValueError("no price") from other', "it stands at: " .. line)

local information = ask("exceptionInfo", { threadId = stopped.threadId })
check(information.exceptionId == "ValueError" and information.description:find("no price", 1, true), vim.inspect(information))
local inner = information.details.innerException[1]
check(inner.typeName == "AttributeError" and inner.innerException[1].typeName == "KeyError", vim.inspect(information))

local scopes = ask("scopes", { frameId = frame.id }).scopes
check(scopes[1].name == "Locals" and scopes[1].expensive == false, vim.inspect(scopes))
local variables = {}
for _, each in ipairs(ask("variables", { variablesReference = scopes[1].variablesReference }).variables) do
  variables[each.name] = each
end
check(variables.order and variables.order.type:find("Order"), vim.inspect(variables.order))
-- nvim-dap pages nothing: it asks for everything, and gets the first thousand and a node for the rest
local children = ask("variables", { variablesReference = variables.big.variablesReference }).variables
check(#children == 1001 and children[1001].name == "… 99,000 more", "a long list has " .. #children .. " children")
local further = ask("variables", { variablesReference = children[1001].variablesReference }).variables
check(#further == 99 and further[1].name == "[1000…1999]", vim.inspect(further[1]))
local last = ask("variables", { variablesReference = further[99].variablesReference }).variables
check(#last == 1000 and last[1000].value == "99999", vim.inspect(last[#last]))

local evaluated = ask("evaluate", { expression = "len(order.items) + 1", context = "repl", frameId = frame.id })
check(evaluated.result == "4", vim.inspect(evaluated))
local hovered = ask("evaluate", { expression = "order", context = "hover", frameId = frame.id })
check(hovered.variablesReference > 0, vim.inspect(hovered))

-- every line fits a buffer: what a dump says has no line ends and nothing that a terminal acts on
local lines = {}
for _, each in ipairs(threads) do
  table.insert(lines, each.name)
  for _, other in ipairs(ask("stackTrace", { threadId = each.id }).stackFrames) do
    table.insert(lines, "  " .. other.name)
  end
end
for name, each in pairs(variables) do
  table.insert(lines, name .. " = " .. each.value)
end
local shown = vim.api.nvim_create_buf(false, true)
vim.api.nvim_buf_set_lines(shown, 0, -1, true, lines)
check(not table.concat(lines):find("[%z\1-\31]"), "a control character came through")

local step = send("next", { threadId = stopped.threadId, granularity = "statement" })
check(vim.wait(patience, function() return responses[step] ~= nil end, 5), "next was not answered")
check(not responses[step].success and responses[step].message == "a dump does not run", vim.inspect(responses[step]))

ask("terminate", vim.empty_dict())
event("terminated")
ask("disconnect", { restart = false, terminateDebuggee = false })
check(vim.wait(patience, function() return ended ~= nil end, 5) and ended == 0, "the adapter ended with " .. tostring(ended))
print(("neovim: %d threads, %d frames, %d variables"):format(#threads, #frames, vim.tbl_count(variables)))
