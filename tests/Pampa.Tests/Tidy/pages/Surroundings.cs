// What the pages' examples take for granted: the reader's usings, and things of the reader's own. No part of the tests' assembly: each
// example is compiled with this file, whose names an example may declare anew.
global using System;
global using System.Collections.Concurrent;
global using System.Collections.Generic;
global using System.Data.Common;
global using System.IO;
global using System.Linq;
global using System.Net.Http;
global using System.Threading;
global using System.Threading.Tasks;
global using Microsoft.AspNetCore.Builder;
global using Microsoft.AspNetCore.Diagnostics.HealthChecks;
global using Microsoft.AspNetCore.Http;
global using Microsoft.EntityFrameworkCore;
global using Microsoft.Extensions.DependencyInjection;
global using Microsoft.Extensions.Hosting;
global using Microsoft.Extensions.Logging;
global using OpenTelemetry;
global using Pampa;
global using Pampa.Ssh;
global using Reader;
global using static Reader.Surroundings;

namespace Reader
{
    public static class Surroundings
    {
        // What the functions are given in which an example stands.
        public static PampaBuilder pampa { get; } = null!;
        public static JobBuilder job { get; } = null!;
        public static ScheduleBuilder schedule { get; } = null!;
        public static WebApplicationBuilder builder { get; } = null!;
        public static WebApplication app { get; } = null!;
        public static PampaCluster cluster { get; } = null!;
        public static string[] args { get; } = [];

        // What an example leaves to the reader.
        public static int minimum { get; set; }
        public static Billing billing { get; } = null!;
        public static Pager pager { get; } = null!;
        public static Backlog queue { get; } = null!;
        public static HttpClient http { get; } = null!;
        public static ConcurrentDictionary<string, Browser> browsers { get; } = [];
        public static Task<decimal> PriceAsync(long order, CancellationToken cancellationToken) => null!;
        public static Task LoadAsync(CancellationToken cancellationToken) => null!;
        public static Task WarmUpAsync(CancellationToken cancellationToken) => null!;
        public static Task<bool> IsOnlineAsync(string url, CancellationToken cancellationToken) => null!;
        public static Task<long> CountActiveAsync(DbDataSource database, CancellationToken cancellationToken) => null!;
        public static Task<Dictionary<string, decimal>> RatesAsync(DbDataSource database, CancellationToken cancellationToken) => null!;
    }

    public sealed record Number
    {
        public long Value { get; init; }
        public bool? IsOdd { get; set; }
    }

    public sealed record Order(long Id, string Currency, decimal Amount, decimal? Price, decimal? Euros);

    public sealed class PriceOrder : IJob<Order>
    {
        public ValueTask<Order> ProcessAsync(Order row, PampaTask task, CancellationToken cancellationToken) => new(row);
    }

    public sealed class Payment
    {
        public long OrderId { get; set; }
        public decimal? Amount { get; set; }
    }

    public sealed class ShopContext : DbContext
    {
        public DbSet<Order> Orders => Set<Order>();
        public DbSet<Payment> Payments => Set<Payment>();
        public Task<decimal> PriceOfAsync(long order, CancellationToken cancellationToken) => null!;
    }

    public sealed class Billing
    {
        public Task<bool> HasCreditAsync(string node, CancellationToken cancellationToken) => null!;
    }

    public sealed class Pager
    {
        public Task TellAsync(string text, CancellationToken cancellationToken) => null!;
    }

    public sealed class Backlog
    {
        public IEnumerable<string> Peek(int count) => [];
    }

    public sealed class Browser
    {
        public static Task<Browser> OpenAsync(CancellationToken cancellationToken) => null!;
    }
}

// The one package of others that a page speaks of and the tests do not have, as far as it is named there.
namespace OpenTelemetry
{
    public interface IOpenTelemetryBuilder
    {
        IOpenTelemetryBuilder WithTracing(Action<SignalBuilder> configure);
        IOpenTelemetryBuilder WithMetrics(Action<SignalBuilder> configure);
    }

    public sealed class SignalBuilder
    {
        public SignalBuilder AddSource(params string[] names) => this;
        public SignalBuilder AddMeter(params string[] names) => this;
        public SignalBuilder AddOtlpExporter() => this;
    }

    public static class OpenTelemetryServices
    {
        public static IOpenTelemetryBuilder AddOpenTelemetry(this IServiceCollection services) => null!;
    }
}
