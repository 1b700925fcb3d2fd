// Command churn runs client-go's shared informers and says as lines of JSON what they list, watch and tell their handlers.
// Its arguments are the kubeconfig and the informers as JSON; it ends with its input. Every line "state" of its input is
// answered with what the informers' stores hold.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// informerSpec is one informer to run.
type informerSpec struct {
	Name       string `json:"name"`
	Resource   string `json:"resource"`
	Group      string `json:"group"`
	Version    string `json:"version"`
	Namespace  string `json:"namespace"`
	Selector   string `json:"selector"`
	MinSeconds int64  `json:"minSeconds"`
	MaxSeconds int64  `json:"maxSeconds"`
}

// object is key, uid, resourceVersion and the number that the writer put into it.
type object [4]string

// record is one line of the output; which fields it has depends on What.
type record struct {
	Informer   string    `json:"informer"`
	What       string    `json:"what"`
	Version    string    `json:"version,omitempty"`
	Continued  bool      `json:"continued,omitempty"`
	More       bool      `json:"more,omitempty"`
	Initial    bool      `json:"initial,omitempty"`
	InitialEnd bool      `json:"initialEnd,omitempty"`
	Type       string    `json:"type,omitempty"`
	Code       int32     `json:"code,omitempty"`
	Text       string    `json:"text,omitempty"`
	Object     *object   `json:"object,omitempty"`
	Objects    *[]object `json:"objects,omitempty"`
}

// journal writes records in the order in which they are said.
type journal struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

func (j *journal) say(r record) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	_, _ = j.out.Write(append(line, '\n'))
	_ = j.out.Flush()
}

func describe(value any) object {
	accessor, err := meta.Accessor(value)
	if err != nil {
		panic(err)
	}
	number := ""
	switch typed := value.(type) {
	case *corev1.ConfigMap:
		number = typed.Data["n"]
	case *unstructured.Unstructured:
		number, _, _ = unstructured.NestedString(typed.Object, "spec", "n")
	}
	return object{accessor.GetNamespace() + "/" + accessor.GetName(), string(accessor.GetUID()), accessor.GetResourceVersion(), number}
}

func describeAll(list runtime.Object) *[]object {
	found := []object{}
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		found = append(found, describe(item))
		return nil
	})
	return &found
}

// api is the part of a typed or dynamic client that an informer uses.
type api struct {
	list    func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch   func(context.Context, metav1.ListOptions) (watch.Interface, error)
	example runtime.Object
}

// told is the wrapping of an informer's ListerWatcher that says what passes through it.
func told(j *journal, spec informerSpec, of api) *cache.ListWatch {
	code := func(err error) record {
		r := record{Informer: spec.Name, What: "error", Text: err.Error()}
		if status, ok := err.(apierrors.APIStatus); ok {
			r.Code = status.Status().Code
		}
		return r
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = spec.Selector
			list, err := of.list(ctx, options)
			if err != nil {
				j.say(code(err))
				return list, err
			}
			head, _ := meta.ListAccessor(list)
			j.say(record{Informer: spec.Name, What: "list", Version: head.GetResourceVersion(), Continued: options.Continue != "", More: head.GetContinue() != "", Objects: describeAll(list)})
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = spec.Selector
			if spec.MaxSeconds > 0 {
				seconds := spec.MinSeconds + rand.Int63n(spec.MaxSeconds-spec.MinSeconds+1)
				options.TimeoutSeconds = &seconds
			}
			stream, err := of.watch(ctx, options)
			if err != nil {
				j.say(code(err))
				return stream, err
			}
			initial := options.SendInitialEvents != nil && *options.SendInitialEvents
			j.say(record{Informer: spec.Name, What: "watch", Version: options.ResourceVersion, Initial: initial})
			return watch.Filter(stream, func(event watch.Event) (watch.Event, bool) {
				j.say(eventRecord(spec, event))
				return event, true
			}), nil
		},
	}
}

func eventRecord(spec informerSpec, event watch.Event) record {
	switch event.Type {
	case watch.Error:
		err := apierrors.FromObject(event.Object)
		r := record{Informer: spec.Name, What: "error", Text: err.Error()}
		if status, ok := err.(apierrors.APIStatus); ok {
			r.Code = status.Status().Code
		}
		return r
	case watch.Bookmark:
		accessor, _ := meta.Accessor(event.Object)
		return record{Informer: spec.Name, What: "bookmark", Version: accessor.GetResourceVersion(), InitialEnd: accessor.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"}
	default:
		described := describe(event.Object)
		return record{Informer: spec.Name, What: "event", Type: string(event.Type), Object: &described}
	}
}

func run(j *journal, spec informerSpec, of api, stop <-chan struct{}) cache.SharedIndexInformer {
	informer := cache.NewSharedIndexInformer(told(j, spec, of), of.example, 0, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	tell := func(change string, value any) {
		if gone, ok := value.(cache.DeletedFinalStateUnknown); ok {
			value = gone.Obj
		}
		described := describe(value)
		j.say(record{Informer: spec.Name, What: "told", Type: change, Object: &described})
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(value any) { tell("add", value) },
		UpdateFunc: func(before, value any) {
			// After a new list, client-go hands over what has not changed once more, for those who want to look again.
			if describe(before) != describe(value) {
				tell("update", value)
			}
		},
		DeleteFunc: func(value any) { tell("delete", value) },
	})
	if err != nil {
		panic(err)
	}
	go informer.Run(stop)
	return informer
}

func apiFor(spec informerSpec, typed kubernetes.Interface, untyped dynamic.Interface) api {
	if spec.Group == "" && spec.Resource == "configmaps" {
		client := typed.CoreV1().ConfigMaps(spec.Namespace)
		return api{
			list:    func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) },
			watch:   client.Watch,
			example: &corev1.ConfigMap{},
		}
	}
	client := untyped.Resource(schema.GroupVersionResource{Group: spec.Group, Version: spec.Version, Resource: spec.Resource}).Namespace(spec.Namespace)
	return api{
		list:    func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) },
		watch:   client.Watch,
		example: &unstructured.Unstructured{},
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "churn: "+strconv.Quote(err.Error()))
		os.Exit(1)
	}
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	fail(err)
	config.ContentType = "application/json"
	config.QPS, config.Burst = -1, 0
	config.Timeout = 0
	var specs []informerSpec
	fail(json.Unmarshal([]byte(os.Args[2]), &specs))
	typed, err := kubernetes.NewForConfig(config)
	fail(err)
	untyped, err := dynamic.NewForConfig(config)
	fail(err)

	j := &journal{out: bufio.NewWriterSize(os.Stdout, 1<<16)}
	stop := make(chan struct{})
	informers := map[string]cache.SharedIndexInformer{}
	for _, spec := range specs {
		informers[spec.Name] = run(j, spec, apiFor(spec, typed, untyped), stop)
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		for name, informer := range informers {
			held := []object{}
			for _, value := range informer.GetStore().List() {
				held = append(held, describe(value))
			}
			j.say(record{Informer: name, What: "state", Objects: &held})
		}
	}
	close(stop)
	time.Sleep(100 * time.Millisecond)
}
