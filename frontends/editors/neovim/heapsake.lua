-- Opens dumps of Python programs in Neovim, with nvim-dap: `:Heapsake FILE` debugs one, `:edit FILE.heapsake` shows its summary.
--
-- Copy it to `lua/heapsake.lua` of your configuration, and load it after nvim-dap: `require("heapsake")`.
-- Where `heapsake` is not on PATH: `require("heapsake").command = "/path/to/heapsake"`.

local dap = require("dap")

local M = { command = "heapsake" }

-- A function, as `command` may be set later.
dap.adapters.heapsake = function(callback)
  callback({ type = "executable", command = M.command, args = { "dap" } })
end

--- The configuration that opens a dump.
function M.configuration(file)
  return { type = "heapsake", request = "launch", name = "heapsake", dump = vim.fn.fnamemodify(file, ":p") }
end

--- Debugs a dump.
function M.debug(file)
  dap.run(M.configuration(file))
end

-- Among the choices of `:DapContinue` in a Python file.
local function asked()
  local file = vim.fn.input("Dump: ", vim.fn.getcwd() .. "/", "file")
  return file ~= "" and vim.fn.fnamemodify(file, ":p") or dap.ABORT
end
dap.configurations.python = dap.configurations.python or {}
table.insert(dap.configurations.python, { type = "heapsake", request = "launch", name = "Open a dump", dump = asked })

vim.api.nvim_create_user_command("Heapsake", function(given)
  M.debug(given.args ~= "" and given.args or vim.api.nvim_buf_get_name(0))
end, { nargs = "?", complete = "file", desc = "Debug a dump of a Python program; without FILE the one of this buffer" })

vim.api.nvim_create_autocmd("BufReadCmd", {
  group = vim.api.nvim_create_augroup("heapsake", {}),
  pattern = "*.heapsake",
  desc = "Show the summary of a dump instead of its bytes",
  callback = function(event)
    -- Text of a dump is hostile: a modeline in it is none.
    vim.bo[event.buf].modeline = false
    local asking = { M.command, vim.fn.fnamemodify(event.file, ":p") }
    local started, answer = pcall(function()
      return vim.system(asking, { text = true }):wait()
    end)
    local text = started and answer.stdout .. answer.stderr or "heapsake was not started: " .. answer
    vim.bo[event.buf].modifiable = true
    vim.api.nvim_buf_set_lines(event.buf, 0, -1, false, vim.split(vim.trim(text), "\n"))
    vim.bo[event.buf].buftype = "nowrite"
    vim.bo[event.buf].modified = false
    vim.bo[event.buf].modifiable = false
  end,
})

return M
