package hectest

import (
	"net/http"
	"strconv"
)

// Cookie is a sticky session's.
type Cookie struct {
	Name, Value string
	// Always sets it with every reply, each time with another value behind
	// Value, as AWS's Application Load Balancer does; otherwise only where a
	// request comes without it.
	Always bool
	// Require answers 400 to a request that has it not, with a token that uses
	// acknowledgement, as headerEnforcementMode=block does.
	Require bool
}

// enforceCookie refuses a request without the cookie that it must have. That
// the answer is a page is inferred: only its status is documented.
func (s *Server) enforceCookie(x *exchange) (Reply, bool) {
	c := s.cfg.cookie
	if c == nil || !c.Require {
		return Reply{}, true
	}
	if t, code := s.authenticate(x.r, x.query); code != codeSuccess || !t.UseACK {
		return Reply{}, true
	}
	if _, err := x.r.Cookie(c.Name); err != nil {
		return HTML(http.StatusBadRequest), false
	}
	return Reply{}, true
}

// setCookie adds the server's cookie to the reply.
func (x *exchange) setCookie() {
	c := x.s.cfg.cookie
	if c == nil {
		return
	}
	value := c.Value
	if c.Always {
		x.s.mu.Lock()
		x.s.cookies++
		value += strconv.Itoa(x.s.cookies)
		x.s.mu.Unlock()
	} else if has, err := x.r.Cookie(c.Name); err == nil && has.Value == c.Value {
		return
	}
	//nolint:gosec // a test's, as load balancers send it
	http.SetCookie(x.w, &http.Cookie{Name: c.Name, Value: value, Path: "/"})
}
