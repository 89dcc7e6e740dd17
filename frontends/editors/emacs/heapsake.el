;;; heapsake.el --- Dumps of Python programs in the debugger  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: tools, languages
;; URL: https://github.com/heapsake/heapsake
;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Put it on `load-path' and (require 'heapsake).
;; `M-x heapsake-debug' opens a dump with dape (Emacs 29.1 or later) or with dap-mode, whichever is there.
;; In a Python buffer, `M-x dape' offers the configuration `heapsake', and `M-x dap-debug' the template of that name.
;; `M-x heapsake-summary' shows what happened, as text.

;;; Code:

(defvar dape-configs)
(declare-function dape "dape" (config &optional skip-compile))
(declare-function dap-debug "dap-mode" (debug-args))
(declare-function dap-register-debug-provider "dap-mode" (language-id configuration-populate-fn))
(declare-function dap-register-debug-template "dap-mode" (configuration-name configuration-settings))

(defgroup heapsake nil
  "Dumps of Python programs."
  :group 'tools)

(defcustom heapsake-command "heapsake"
  "The program `heapsake': a name on the variable `exec-path', or a whole path."
  :type 'string)

(defun heapsake-read-dump ()
  "Ask for a dump."
  (let ((wanted (lambda (name) (or (directory-name-p name) (string-suffix-p ".heapsake" name)))))
    (expand-file-name (read-file-name "Dump: " nil nil t nil wanted))))

(defun heapsake--dape (&optional dump)
  "The configuration of dape that opens DUMP, or the one that is asked for."
  `(ensure dape-ensure-command command ,heapsake-command command-args ("dap")
    :type "heapsake" :request "launch" :dump ,(or dump #'heapsake-read-dump)))

(defun heapsake--dap-mode (configuration)
  "The CONFIGURATION of dap-mode, completed."
  (setq configuration (plist-put configuration :dap-server-path (list heapsake-command "dap")))
  (if (plist-get configuration :dump)
      configuration
    (plist-put configuration :dump (heapsake-read-dump))))

(with-eval-after-load 'dape
  (add-to-list 'dape-configs `(heapsake modes (python-mode python-ts-mode) ,@(heapsake--dape))))

(with-eval-after-load 'dap-mode
  (dap-register-debug-provider "heapsake" #'heapsake--dap-mode)
  (dap-register-debug-template "heapsake" '(:type "heapsake" :request "launch" :name "heapsake")))

;;;###autoload
(defun heapsake-debug (dump)
  "Debug DUMP, the dump of a Python program."
  (interactive (list (heapsake-read-dump)))
  (let ((dump (expand-file-name dump)))
    (cond
     ((require 'dape nil t) (dape (heapsake--dape dump)))
     ((require 'dap-mode nil t)
      (dap-debug (list :type "heapsake" :request "launch" :name (file-name-nondirectory dump) :dump dump)))
     (t (user-error "Dumps are debugged with dape or dap-mode: install one of them")))))

;;;###autoload
(defun heapsake-summary (dump)
  "Show what happened to the program of DUMP."
  (interactive (list (heapsake-read-dump)))
  (let ((dump (expand-file-name dump)))
    (pop-to-buffer (format "*heapsake %s*" (file-name-nondirectory dump)))
    (let ((inhibit-read-only t))
      (erase-buffer)
      (call-process heapsake-command nil t nil dump))
    (goto-char (point-min))
    (special-mode)))

(provide 'heapsake)
;;; heapsake.el ends here
