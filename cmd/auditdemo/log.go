package main

import (
	"fmt"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLog writes everything to a file and tells s of warnings and errors.
func newLog(path string, s *screen) (*zap.Logger, *os.File, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, nil, fmt.Errorf("create the forwarder's log: %w", err)
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.ISO8601TimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	return zap.New(zapcore.NewTee(
		zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.Lock(file), zapcore.InfoLevel),
		&warnings{LevelEnabler: zapcore.WarnLevel, screen: s},
	)), file, nil
}

// warnings shows log entries in short.
type warnings struct {
	zapcore.LevelEnabler
	screen *screen
}

// With implements zapcore.Core; what a logger carries is left to the file.
func (w *warnings) With([]zapcore.Field) zapcore.Core { return w }

// Check implements zapcore.Core.
func (w *warnings) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if w.Enabled(e.Level) {
		return ce.AddCore(e, w)
	}
	return ce
}

// Write implements zapcore.Core.
func (w *warnings) Write(e zapcore.Entry, fields []zapcore.Field) error {
	text := fmt.Sprintf("log: %s %s: %s", e.Level, e.LoggerName, e.Message)
	for _, f := range fields {
		if f.Key == "reason" && f.Type == zapcore.StringType {
			text += ": " + f.String
		}
	}
	w.screen.warn(text)
	return nil
}

// Sync implements zapcore.Core.
func (w *warnings) Sync() error { return nil }
