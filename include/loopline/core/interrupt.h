#pragma once

namespace loopline {

/// SIGINT and SIGTERM ask for an orderly stop; a second signal ends the process at once with the
/// usual exit code (130, 143). Long work polls `interrupted()` between units.
void install_interrupt_handlers();

/// Whether a stop was asked for.
bool interrupted();

/// 130 after SIGINT, 143 after SIGTERM, 0 when nothing was asked.
int interrupt_exit_code();

}  // namespace loopline
