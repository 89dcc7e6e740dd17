-- Loads neovim/heapsake.lua in Neovim, beside a double of nvim-dap; run by test_editors.py. $HEAPSAKE is the program, $DUMP a dump.

local ran = {}
local double = {
  adapters = {},
  configurations = { python = { { name = "other" } } },
  ABORT = {},
  run = function(configuration)
    table.insert(ran, configuration)
  end,
}
package.preload["dap"] = function()
  return double
end

local function same(found, expected, what)
  assert(vim.deep_equal(found, expected), what .. ": " .. vim.inspect(found) .. " is not " .. vim.inspect(expected))
end

local heapsake = assert(loadfile(vim.env.LUA))()
heapsake.command = vim.env.HEAPSAKE

local adapter
double.adapters.heapsake(function(given)
  adapter = given
end)
same(adapter, { type = "executable", command = vim.env.HEAPSAKE, args = { "dap" } }, "the adapter")

vim.cmd.cd(vim.fs.dirname(vim.env.DUMP))
vim.cmd("Heapsake " .. vim.fn.fnameescape(vim.fs.basename(vim.env.DUMP)))
local expected = { type = "heapsake", request = "launch", name = "heapsake", dump = vim.env.DUMP }
same(ran, { expected }, "what :Heapsake runs")

local choice = double.configurations.python[2]
same({ choice.type, choice.request }, { "heapsake", "launch" }, "the choice in a Python file")
local answer
vim.fn.input = function()
  return answer
end
answer = vim.env.DUMP
same(choice.dump(), vim.env.DUMP, "the dump that is asked for")
answer = ""
assert(choice.dump() == double.ABORT, "no dump, no session")

vim.o.modeline = true
vim.cmd("edit " .. vim.fn.fnameescape(vim.env.DUMP))
local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
assert(text:find(vim.env.EXPECTED, 1, true), "the summary: " .. text)
same({ vim.bo.modifiable, vim.bo.modified, vim.bo.buftype }, { false, false, "nowrite" }, "the buffer")
assert(vim.bo.tabstop ~= 13, "a modeline of the dump was obeyed")
vim.cmd("Heapsake")
same(ran[2], expected, "what :Heapsake runs in the dump's buffer")

heapsake.command = "/nowhere/heapsake"
vim.cmd("edit!")
local problem = vim.api.nvim_buf_get_lines(0, 0, 1, false)[1]
assert(problem:find("was not started", 1, true), problem)
print("ok")
