;;; emacs.el --- Tests of heapsake.el beside doubles of dape and dap-mode  -*- lexical-binding: t; -*-

;;; Commentary:

;; Run by test_editors.py in a batch; $HEAPSAKE is the program, $DUMP a dump, $EXPECTED a part of its summary.

;;; Code:

(require 'ert)
(require 'heapsake)

(defvar dape-configs nil)
(defvar heapsake-tests-ran nil)
(defvar heapsake-tests-templates nil)

(defun heapsake-tests-dape ()
  "Let there be dape."
  (defalias 'dape (lambda (configuration &rest _) (push configuration heapsake-tests-ran)))
  (provide 'dape))

(ert-deftest heapsake-tests-1-no-debugger ()
  (should-error (heapsake-debug "/a.heapsake") :type 'user-error))

(ert-deftest heapsake-tests-2-dap-mode ()
  (let (provider)
    (defalias 'dap-register-debug-provider (lambda (name function) (setq provider (list name function))))
    (defalias 'dap-register-debug-template (lambda (name settings) (push (cons name settings) heapsake-tests-templates)))
    (defalias 'dap-debug (lambda (configuration) (push configuration heapsake-tests-ran)))
    (provide 'dap-mode)
    (should (equal provider '("heapsake" heapsake--dap-mode)))
    (should (equal heapsake-tests-templates '(("heapsake" :type "heapsake" :request "launch" :name "heapsake"))))
    (heapsake-debug "/a.heapsake")
    (let ((configuration (funcall (cadr provider) (pop heapsake-tests-ran))))
      (should (equal (plist-get configuration :dump) "/a.heapsake"))
      (should (equal (plist-get configuration :request) "launch"))
      (should (equal (plist-get configuration :dap-server-path) '("heapsake" "dap"))))
    (cl-letf (((symbol-function 'read-file-name) (lambda (&rest _) "/b.heapsake")))
      (should (equal (plist-get (heapsake--dap-mode (list :type "heapsake")) :dump) "/b.heapsake")))))

(ert-deftest heapsake-tests-3-dape ()
  (heapsake-tests-dape)
  (let ((configuration (alist-get 'heapsake dape-configs)))
    (should (equal (plist-get configuration 'modes) '(python-mode python-ts-mode)))
    (should (equal (plist-get configuration 'command) "heapsake"))
    (should (equal (plist-get configuration 'command-args) '("dap")))
    (should (eq (plist-get configuration :dump) #'heapsake-read-dump)))
  (heapsake-debug "/c.heapsake")
  (should (equal (plist-get (pop heapsake-tests-ran) :dump) "/c.heapsake")))

(ert-deftest heapsake-tests-4-summary ()
  (let ((heapsake-command (getenv "HEAPSAKE")))
    (dotimes (_ 2)
      (heapsake-summary (getenv "DUMP"))
      (should (string-search (getenv "EXPECTED") (buffer-string)))
      (should (= (point) (point-min)))
      (should buffer-read-only))))

;;; emacs.el ends here
