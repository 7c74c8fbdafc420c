/* SPDX-License-Identifier: Apache-2.0
 * audit_judge.h: the rules of an audit: from what was seen to a grade. Pure functions: they look at nothing but their arguments.
 * A rule says GOOD only for what it knows to be good; an answer that it does not know is UNCLEAR.
 */
#pragma once
#include "cli/audit.h"

/* "good", "weak", ...; and a sentence on what it means. Static text. */
const char *audit_grade_name(enum grade grade);
const char *audit_grade_meaning(enum grade grade);

/* The grade of a case on a kind of server: the rule's, but that an escape is a weakness where nobody promised to stop it. */
enum grade audit_judge(const struct audit_case *what, const struct audit_sight *sight, enum audit_kind kind);

/* Whether a grade makes the audit fail in that column. */
bool audit_is_failure(enum grade grade, enum audit_kind kind);

/* The words of the answer tell: open before partly before held. */
enum grade rule_words(const struct audit_case *what, const struct audit_sight *sight);

/* The answer is a refusal of the request: 400 with the words held. */
enum grade rule_refused_request(const struct audit_case *what, const struct audit_sight *sight);

/* Ended by its limit with the words held, and answered within most milliseconds; one that did not end well, but otherwise, is unclear. */
enum grade rule_ended_in_time(const struct audit_case *what, const struct audit_sight *sight);

/* The first number of the output is at most most. */
enum grade rule_at_most(const struct audit_case *what, const struct audit_sight *sight);

/* A system call that no layer refuses shows another error, or none: the answer has to be a refusal. */
enum grade rule_call_refused(const struct audit_case *what, const struct audit_sight *sight);

/* The secret of the host is in no answer. The second one needs it in the server's environment. */
enum grade rule_secret_unseen(const struct audit_case *what, const struct audit_sight *sight);
enum grade rule_environment_unseen(const struct audit_case *what, const struct audit_sight *sight);

/* No run that looked has seen the token of the one that it looked for, and that one did run. */
enum grade rule_token_unseen(const struct audit_case *what, const struct audit_sight *sight);

/* The output is not the host's /etc/passwd. */
enum grade rule_other_passwd(const struct audit_case *what, const struct audit_sight *sight);

/* The file that the run has written was on the host neither meanwhile nor afterwards. */
enum grade rule_not_on_host(const struct audit_case *what, const struct audit_sight *sight);

/* The run was stopped in time, its process was seen on the host while it ran, and is gone. */
enum grade rule_process_gone(const struct audit_case *what, const struct audit_sight *sight);

/* Nothing is left of the server. */
enum grade rule_nothing_left(const struct audit_case *what, const struct audit_sight *sight);

/* Reads uid, capabilities, no_new_privs and seccomp as /proc/self/status shows them: weak when only some are as they should be. */
enum grade rule_powerless(const struct audit_case *what, const struct audit_sight *sight);
