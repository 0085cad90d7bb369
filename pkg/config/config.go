// Package config reads a program's settings: a strict YAML file, environment variables over it, and secrets that are kept
// out of both. A component owns its own settings struct with its defaults and its checks; this package only fills it.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// Prefix of every environment variable that stands for a setting.
const Prefix = "BATON"

// maxFile, in bytes, and maxDepth are far beyond any configuration and far below what could hurt.
const (
	maxFile  = 4 << 20
	maxDepth = 64
)

// Load fills into, a pointer to a struct that holds the defaults, from a YAML file and from the environment, which wins.
//
// The file may be "" for none. A key that the struct does not have, a key given twice, a value of the wrong kind and a
// second document are refused with their line and column; values are never quoted, they may be secrets.
//
// Every setting is also a variable: BATON_ and its path in upper case, joined by _ (`http.addr` is BATON_HTTP_ADDR). Plain
// text is taken as it is, everything else (lists, maps, numbers) is YAML text. An empty variable counts as not set, as
// container tools leave them behind. env is in the form of os.Environ.
//
// Secret values are then resolved (see Secret) and relative Path values of the file start from its folder. The error
// joins everything that is wrong with variables and secrets, each with the setting's path. into is unspecified then.
func Load(path string, into any, env []string) error {
	if path == "" {
		return Parse(nil, into, "", env)
	}
	text, err := readFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("find the folder of %s: %w", path, err)
	}
	if err := Parse(text, into, dir, env); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Parse is Load for the text of a file in folder dir.
func Parse(text []byte, into any, dir string, env []string) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("config: need a pointer to a struct, have %T", into)
	}
	if err := decode(text, into, dir); err != nil {
		return err
	}
	vars := lookup(env)
	problems := fromEnv(v.Elem(), vars)
	problems = append(problems, resolveSecrets(v.Elem(), vars)...)
	return errors.Join(problems...)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, nil
}

// decode reads one strict YAML document; one in which nothing stands leaves into as it is.
func decode(text []byte, into any, dir string) error {
	doc, err := strictyaml.Parse(text, strictyaml.Limits{Bytes: maxFile, Depth: maxDepth, References: true, Empty: true})
	if err != nil {
		return placed(err)
	}
	return placed(doc.Decode(into,
		yaml.CustomUnmarshaler(func(p *Path, b []byte) error {
			var s string
			if err := yaml.Unmarshal(b, &s); err != nil {
				return err
			}
			if s != "" && dir != "" && !filepath.IsAbs(s) {
				s = filepath.Join(dir, s)
			}
			*p = Path(s)
			return nil
		}),
		yaml.CustomUnmarshaler(func(s *Secret, b []byte) error {
			return s.unmarshal(func(v any) error { return yaml.Unmarshal(b, v) }, dir)
		})))
}

// placed gives a fault as `[line:column] reason`.
func placed(err error) error {
	var faults strictyaml.Errors
	if !errors.As(err, &faults) || faults[0].Column == 0 {
		return err
	}
	return fmt.Errorf("[%d:%d] %s", faults[0].Line, faults[0].Column, faults[0].Reason)
}

// lookup gives the environment as a map; of a variable that stands twice the first counts, as in os.Getenv.
func lookup(env []string) map[string]string {
	m := make(map[string]string, len(env))
	for _, e := range env {
		k, v, ok := strings.Cut(e, "=")
		if _, twice := m[k]; ok && !twice {
			m[k] = v
		}
	}
	return m
}
