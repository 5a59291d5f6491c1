/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error;

const $root = $protobuf.roots["request-v2"] || ($protobuf.roots["request-v2"] = {});

export const Sample = $root.Sample = (() => {

    const Sample = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Sample.prototype.value = 0;
    Sample.prototype.timestamp = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

    Sample.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.value != null && $Object.hasOwnProperty.call(message, "value") && !$Object.is(message.value, 0))
            writer.uint32(9).double(message.value);
        if (message.timestamp != null && $Object.hasOwnProperty.call(message, "timestamp") && (typeof message.timestamp === "object" ? message.timestamp.low || message.timestamp.high : message.timestamp !== 0))
            writer.uint32(16).int64(message.timestamp);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    return Sample;
})();

export const Metadata = $root.Metadata = (() => {

    const Metadata = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Metadata.prototype.type = 0;
    Metadata.prototype.helpRef = 0;
    Metadata.prototype.unitRef = 0;

    Metadata.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
            writer.uint32(8).uint32(message.type);
        if (message.helpRef != null && $Object.hasOwnProperty.call(message, "helpRef") && message.helpRef !== 0)
            writer.uint32(24).uint32(message.helpRef);
        if (message.unitRef != null && $Object.hasOwnProperty.call(message, "unitRef") && message.unitRef !== 0)
            writer.uint32(32).uint32(message.unitRef);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    return Metadata;
})();

export const TimeSeries = $root.TimeSeries = (() => {

    const TimeSeries = function (properties) {
        this.labelsRefs = [];
        this.samples = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    TimeSeries.prototype.labelsRefs = $util.emptyArray;
    TimeSeries.prototype.samples = $util.emptyArray;
    TimeSeries.prototype.metadata = null;

    TimeSeries.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.labelsRefs != null && message.labelsRefs.length)
            writer.uint32(10).uint32s(message.labelsRefs);
        if (message.samples != null && message.samples.length)
            for (let i = 0; i < message.samples.length; ++i)
                $root.Sample.encode(message.samples[i], writer.uint32(18).fork(), _depth + 1).ldelim();
        if (message.metadata != null && $Object.hasOwnProperty.call(message, "metadata"))
            $root.Metadata.encode(message.metadata, writer.uint32(42).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    return TimeSeries;
})();

export const Request = $root.Request = (() => {

    const Request = function (properties) {
        this.symbols = [];
        this.timeseries = [];
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    Request.prototype.symbols = $util.emptyArray;
    Request.prototype.timeseries = $util.emptyArray;

    Request.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.symbols != null && message.symbols.length)
            for (let i = 0; i < message.symbols.length; ++i)
                writer.uint32(34).string(message.symbols[i]);
        if (message.timeseries != null && message.timeseries.length)
            for (let i = 0; i < message.timeseries.length; ++i)
                $root.TimeSeries.encode(message.timeseries[i], writer.uint32(42).fork(), _depth + 1).ldelim();
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    return Request;
})();

export {
  $root as default
};
