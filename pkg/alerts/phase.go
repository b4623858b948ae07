package alerts

import "time"

// Phase is by how much the windows of the alert's runs end behind the multiples
// of Every since 1970 in UTC. A run looks at what was indexed up to lag before it.
func (a *Alert) Phase() time.Duration { return (a.first() - lag + a.Every) % a.Every }
