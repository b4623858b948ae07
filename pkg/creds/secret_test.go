package creds_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/creds"
)

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	type holder struct {
		Token creds.Secret
		Any   any
		Ptr   *creds.Secret
		List  []creds.Secret
		Map   map[string]creds.Secret
		inner creds.Secret // fmt calls no methods on it
	}
	s := creds.NewSecret("s3cret")
	h := holder{Token: s, Any: s, Ptr: &s, List: []creds.Secret{s}, Map: map[string]creds.Secret{"k": s}, inner: s}
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%c"} {
		printed["secret "+verb] = fmt.Sprintf(verb, s)
		printed["pointer "+verb] = fmt.Sprintf(verb, &s)
		printed["holder "+verb] = fmt.Sprintf(verb, h)
		printed["error "+verb] = fmt.Errorf("token "+verb, s).Error()
	}
	for name, marshal := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": yaml.Marshal} {
		out, err := marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		printed[name] = string(out)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	zap.New(core).Info("m", zap.Any("any", s), zap.Stringer("stringer", s), zap.Reflect("holder", h))
	printed["zap"] = fmt.Sprint(logs.All()[0].ContextMap())

	hexed := fmt.Sprintf("%x", "s3cret")
	for how, text := range printed {
		if strings.Contains(text, "s3cret") || strings.Contains(text, hexed) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
	if printed["secret %v"] != "[redacted]" || fmt.Sprint(creds.Secret{}) != "" {
		t.Errorf("prints %q, and %q if empty", printed["secret %v"], creds.Secret{})
	}
	if s.Reveal() != "s3cret" || s.Empty() || !(creds.Secret{}).Empty() {
		t.Error("the value is not what was put in")
	}
}
