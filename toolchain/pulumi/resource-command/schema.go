package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	localCommand  = "command:local:Command"
	localRun      = "command:local:run"
	remoteCommand = "command:remote:Command"
	copyToRemote  = "command:remote:CopyToRemote"
	copyFile      = "command:remote:CopyFile"

	addPrevious resource.PropertyKey = "addPreviousOutputInEnv"
)

// updatable tells whether a change of inputs updates the resource; one that is not is replaced by any change.
func updatable(token string) bool { return token != copyFile }

// schema is what the checks need of a Pulumi package schema.
type schema struct {
	Types     map[string]objectShape
	Resources map[string]struct {
		InputProperties map[string]property
		RequiredInputs  []string
	}
	Functions map[string]struct{ Inputs objectShape }
}

type objectShape struct {
	Properties map[string]property
	Required   []string
	Enum       []struct{ Value string }
}

type property struct {
	Type             string
	Ref              string `json:"$ref"`
	Items            *property
	Default          any
	Secret           bool
	ReplaceOnChanges bool
}

func readSchema(text []byte) *schema {
	s := &schema{}
	if err := json.Unmarshal(text, s); err != nil {
		panic(err)
	}
	return s
}

// resource gives the inputs and the token of the type of a URN.
func (s *schema) resource(urn string) (objectShape, string, error) {
	token := string(resource.URN(urn).Type())
	r, known := s.Resources[token]
	if !known {
		return objectShape{}, "", status.Errorf(codes.NotFound, "Type '%s' not found", token)
	}
	return objectShape{Properties: r.InputProperties, Required: r.RequiredInputs}, token, nil
}

// goName is the name of a type in messages: `remote.Connection` for command:remote:Connection.
func goName(token string) string {
	return strings.Join(strings.Split(token, ":")[1:], ".")
}

// check fills in defaults, marks what is always secret, and lists what is missing, unknown, or of a wrong type.
func (s *schema) check(
	shape objectShape, name string, inputs resource.PropertyMap,
) (resource.PropertyMap, []*pulumirpc.CheckFailure) {
	var failures []*pulumirpc.CheckFailure
	failure := func(key, format string, args ...any) {
		failures = append(failures, &pulumirpc.CheckFailure{Property: key, Reason: fmt.Sprintf(format, args...)})
	}
	out := inputs.Copy()
	for _, key := range slices.Sorted(maps.Keys(inputs)) {
		p, known := shape.Properties[string(key)]
		if !known && !strings.HasPrefix(string(key), "__") {
			failure(string(key), "Unrecognized field '%s' on '%s'", key, name)
			continue
		}
		value := unwrap(inputs[key])
		if value.IsNull() {
			delete(out, key)
			continue
		}
		if value.ContainsUnknowns() && !value.IsObject() {
			continue
		}
		if want, got := p.mismatch(value); want != "" {
			failure(string(key), "Field '%s' on '%s' must be a '%s'; got '%s' instead", key, name, want, got)
			continue
		}
		token := strings.TrimPrefix(p.Ref, "#/types/")
		inner, isType := s.Types[token]
		if !isType {
			continue
		}
		if len(inner.Enum) > 0 {
			if !slices.ContainsFunc(inner.Enum, func(e struct{ Value string }) bool { return e.Value == value.StringValue() }) {
				failure(string(key), "Field '%s' on '%s' must be one of %s; got '%s' instead",
					key, name, inner.values(), value.StringValue())
			}
			continue
		}
		object, more := s.check(inner, goName(token), value.ObjectValue())
		if len(more) > 0 {
			// However deep a value is that fails, it is of the input that the failure tells.
			reasons := make([]string, len(more))
			for i, f := range more {
				reasons[i] = "\n\t" + f.Property + ": " + f.Reason
			}
			failure(string(key), "An error occurred decoding '%s.%s': %d failures decoding:%s",
				name, key, len(more), strings.Join(reasons, ""))
		}
		out[key] = rewrap(inputs[key], resource.NewObjectProperty(object))
	}
	for _, key := range shape.Required {
		if _, has := out[resource.PropertyKey(key)]; !has {
			failure(key, "Missing required field '%s' on '%s'", key, name)
		}
	}
	for key, p := range shape.Properties {
		k := resource.PropertyKey(key)
		if _, has := out[k]; !has && p.Default != nil {
			out[k] = resource.NewPropertyValue(p.Default)
		}
		if value, has := out[k]; has && p.Secret && !value.IsSecret() {
			out[k] = resource.MakeSecret(value)
		}
	}
	return out, failures
}

func (shape objectShape) values() string {
	var values []string
	for _, e := range shape.Enum {
		values = append(values, "'"+e.Value+"'")
	}
	return strings.Join(values, ", ")
}

// mismatch gives the type that is wanted and the one that was found, or nothing where they agree.
func (p property) mismatch(value resource.PropertyValue) (string, string) {
	want, fits := "", true
	switch {
	case p.Type == "string", strings.HasSuffix(p.Ref, "Logging"):
		want, fits = "string", value.IsString()
	case p.Type == "boolean":
		want, fits = "bool", value.IsBool()
	case p.Type == "integer":
		want, fits = "int", value.IsNumber() && value.NumberValue() == float64(int(value.NumberValue()))
	case p.Type == "number":
		want, fits = "float64", value.IsNumber()
	case p.Type == "array":
		want, fits = "[]interface {}", value.IsArray()
		if p.Items != nil && p.Items.Type == "string" {
			want = "[]string"
			fits = fits && !slices.ContainsFunc(value.ArrayValue(), func(v resource.PropertyValue) bool {
				return !unwrap(v).IsString()
			})
		}
	case p.Type == "object":
		want, fits = "map[string]string", value.IsObject()
		if fits {
			for _, v := range value.ObjectValue() {
				bare := unwrap(v)
				fits = fits && (bare.IsString() || bare.IsComputed() || bare.IsOutput())
			}
		}
	case strings.HasPrefix(p.Ref, "#/types/"):
		want, fits = goName(strings.TrimPrefix(p.Ref, "#/types/")), value.IsObject()
	}
	if fits {
		return "", ""
	}
	return want, fmt.Sprintf("%T", value.Mappable())
}

// checkSource tells what a CopyToRemote cannot copy.
func checkSource(inputs resource.PropertyMap) []*pulumirpc.CheckFailure {
	source := unwrap(inputs["source"])
	switch {
	case source.IsComputed(), source.IsOutput():
		return nil
	case source.IsAsset():
		if asset := source.AssetValue(); asset.IsPath() || asset.IsText() {
			return nil
		}
		return []*pulumirpc.CheckFailure{{
			Property: "asset", Reason: "asset must be a path-based file asset or a text asset",
		}}
	case source.IsArchive():
		if source.ArchiveValue().IsPath() {
			return nil
		}
		return []*pulumirpc.CheckFailure{{
			Property: "archive", Reason: "archive must be a path to a file or directory",
		}}
	}
	return []*pulumirpc.CheckFailure{{Property: "asset", Reason: "either asset or archive must be set"}}
}

// diff compares the inputs of a state with new ones.
func diff(
	shape objectShape, state, news resource.PropertyMap, ignored []string, canUpdate bool,
) *pulumirpc.DiffResponse {
	olds := resource.PropertyMap{}
	for key := range shape.Properties {
		if value, has := state[resource.PropertyKey(key)]; has {
			olds[resource.PropertyKey(key)] = value
		}
	}
	for _, key := range ignored {
		if old, had := olds[resource.PropertyKey(key)]; had {
			news[resource.PropertyKey(key)] = old
		} else {
			delete(news, resource.PropertyKey(key))
		}
	}
	response := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true,
		DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
	changes := olds.Diff(news)
	if changes == nil || !changes.AnyChanges() {
		return response
	}
	response.Changes = pulumirpc.DiffResponse_DIFF_SOME
	kinds := map[plugin.DiffKind][2]pulumirpc.PropertyDiff_Kind{
		plugin.DiffAdd:    {pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE},
		plugin.DiffDelete: {pulumirpc.PropertyDiff_DELETE, pulumirpc.PropertyDiff_DELETE_REPLACE},
		plugin.DiffUpdate: {pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE},
	}
	changed := map[string]bool{}
	for path, change := range plugin.NewDetailedDiffFromObjectDiff(changes, false) {
		key := path
		if end := strings.IndexAny(path, ".["); end >= 0 {
			key = path[:end]
		}
		replace := 0
		if !canUpdate || shape.Properties[key].ReplaceOnChanges {
			replace = 1
			response.Replaces = append(response.Replaces, path)
		}
		response.DetailedDiff[path] = &pulumirpc.PropertyDiff{Kind: kinds[change.Kind][replace]}
		changed[key] = true
	}
	response.Diffs = slices.Sorted(maps.Keys(changed))
	slices.Sort(response.Replaces)
	return response
}

// unknownOutputs is the state that a preview foresees: the inputs, and outputs that nobody knows yet.
func unknownOutputs(token string, inputs resource.PropertyMap) resource.PropertyMap {
	state := inputs.Copy()
	if token != localCommand && token != remoteCommand {
		return state
	}
	unknown := resource.MakeComputed(resource.NewStringProperty(""))
	state["stdout"], state["stderr"] = unknown, unknown
	if inputs.HasValue("assetPaths") {
		state["assets"] = unknown
	}
	if inputs.HasValue("archivePaths") {
		state["archive"] = unknown
	}
	return state
}

// foreseen is the state that a preview of an update foresees. The released plugin takes the outputs for unknown if an
// input is, or has not the value that it had; one that is new does not count.
func foreseen(shape objectShape, token string, olds, news resource.PropertyMap) resource.PropertyMap {
	if token != localCommand && token != remoteCommand {
		return news
	}
	for key := range shape.Properties {
		old, had := olds[resource.PropertyKey(key)]
		value := news[resource.PropertyKey(key)]
		if value.ContainsUnknowns() || had && !bare(old).DeepEquals(bare(value)) {
			return unknownOutputs(token, news)
		}
	}
	return begun(olds, news)
}

// bare is a value without what says that it, or a part of it, is secret.
func bare(value resource.PropertyValue) resource.PropertyValue {
	return resource.NewPropertyValue(plain(value))
}

// unwrap takes off what says that a value is secret; what is inside of it may still be secret.
func unwrap(value resource.PropertyValue) resource.PropertyValue {
	switch {
	case value.IsSecret():
		return unwrap(value.SecretValue().Element)
	case value.IsOutput() && value.OutputValue().Known:
		return unwrap(value.OutputValue().Element)
	}
	return value
}

func rewrap(old, bare resource.PropertyValue) resource.PropertyValue {
	if old.IsSecret() {
		return resource.MakeSecret(bare)
	}
	return bare
}
